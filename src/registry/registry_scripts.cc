// SPDX-License-Identifier: Apache-2.0
#include "src/registry/registry_scripts.h"

namespace edl {
namespace {

// `changes` is the log of the last versions, newest first: entry i names the member that version - i was about, after a
// letter: "t" a teacher, "l" one that left in order, "s" a student. So a watcher of a large fleet reads what changed,
// not the fleet. A PUBLISH that the user may not do must not leave half a change (nothing rolls a script back), and
// polling stands behind it: hence pcall.
const char kCommon[] = R"lua(
local teachers, students, version, changes, facts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local nodes, channel = ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local kLog, kSweep, kForeignLease, kUsual = 1024, 100, 6000, 'serving 1'

local function text(number) return string.format('%.0f', number) end

-- A version that begins anew begins at the clock, far beyond all that a watcher may remember of a lost one.
local function note(member)
  local moved = redis.call('INCR', version)
  if moved == 1 then
    moved = now
    redis.call('SET', version, text(now))
    redis.call('DEL', changes)
  end
  redis.call('LPUSH', changes, member)
  redis.call('LTRIM', changes, 0, kLog - 1)
  redis.pcall('PUBLISH', channel, text(moved))
end

local function unlist(endpoint, letter)
  redis.call('ZREM', teachers, endpoint)
  redis.call('HDEL', facts, endpoint)
  note(letter .. endpoint)
end

-- Until when the node of a teacher lives; nil: it does not. One that other tools wrote without a TTL lives.
local function life(endpoint)
  local left = redis.call('PTTL', nodes .. endpoint)
  if left == -1 then return now + kForeignLease end
  if left > 0 then return now + left end
end

-- Other tools renew a node without telling the sorted set, so the node has the last word.
for _, endpoint in ipairs(redis.call('ZRANGEBYSCORE', teachers, '-inf', text(now), 'LIMIT', 0, kSweep)) do
  local expiry = life(endpoint)
  if expiry then
    redis.call('ZADD', teachers, text(expiry), endpoint)
  else
    unlist(endpoint, 't')
  end
end
for _, student in ipairs(redis.call('ZRANGEBYSCORE', students, '-inf', text(now), 'LIMIT', 0, kSweep)) do
  redis.call('ZREM', students, student)
  note('s' .. student)
end
)lua";

// Of two instances on one endpoint the younger one wins: it was started because the older one is no longer wanted.
const char kRenewTeacher[] = R"lua(
local endpoint, id, born, lease = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local fields = {'state', ARGV[7], 'model', ARGV[8], 'weight', ARGV[9], 'info', ARGV[10]}
local fact = ARGV[7] .. ' ' .. ARGV[9]
if fact == kUsual then fact = false end
local node = nodes .. endpoint
if redis.call('TYPE', node).ok ~= 'hash' then redis.call('DEL', node) end
local owner = redis.call('HMGET', node, 'id', 'born', 'model', 'info')
local mine = owner[1] == id
if owner[1] and not mine then
  local rival = tonumber(owner[2]) or 0
  if born ~= 0 and born <= rival then return {0, born} end
  if born == 0 then born = math.max(now, rival + 1) end
end
if born == 0 then born = now end
local same = mine and owner[3] == ARGV[8] and owner[4] == ARGV[10] and
    redis.call('HGET', facts, endpoint) == fact and redis.call('ZSCORE', teachers, endpoint)
if not same then
  if fact then redis.call('HSET', facts, endpoint, fact) else redis.call('HDEL', facts, endpoint) end
  redis.call('DEL', node)
  redis.call('HSET', node, 'server', endpoint, 'id', id, 'born', text(born), unpack(fields))
end
redis.call('PEXPIREAT', node, text(now + lease))
redis.call('ZADD', teachers, text(now + lease), endpoint)
if not same then note('t' .. endpoint) end
return {1, born}
)lua";

const char kRemoveTeacher[] = R"lua(
local endpoint, id = ARGV[3], ARGV[4]
if redis.call('HGET', nodes .. endpoint, 'id') ~= id then return 0 end
redis.call('DEL', nodes .. endpoint)
unlist(endpoint, 'l')
return 1
)lua";

const char kRenewStudent[] = R"lua(
if redis.call('ZADD', students, text(now + tonumber(ARGV[4])), ARGV[3]) == 1 then note('s' .. ARGV[3]) end
return tonumber(redis.call('GET', version) or '0')
)lua";

const char kRemoveStudent[] = R"lua(
if redis.call('ZREM', students, ARGV[3]) == 0 then return 0 end
note('s' .. ARGV[3])
return 1
)lua";

// A fleet that lost Redis reads everything at once, so that takes three commands however many members there are, and
// most teachers have no fact: what is usual is left out.
const char kRead[] = R"lua(
local since, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local current = tonumber(redis.call('GET', version) or '0')
local listed, taught = redis.call('ZCARD', teachers), redis.call('ZCARD', students)
if listed > most or taught > most or redis.call('HLEN', facts) > most then return {current, listed, taught} end
if since <= 0 or since > current or current - since > redis.call('LLEN', changes) then
  return {current, redis.call('ZRANGE', teachers, 0, -1), redis.call('HGETALL', facts),
          redis.call('ZRANGE', students, 0, -1)}
end
local news, seen = {}, {}
for _, entry in ipairs(since < current and redis.call('LRANGE', changes, 0, current - since - 1) or {}) do
  local letter, name = string.sub(entry, 1, 1), string.sub(entry, 2)
  local kind = letter == 's' and 's' or 't'
  if not seen[kind .. name] then
    seen[kind .. name] = true
    local listed = redis.call('ZSCORE', kind == 's' and students or teachers, name)
    local fact = kind == 't' and redis.call('HGET', facts, name) or ''
    news[#news + 1] = {kind .. name, listed and 1 or 0, listed and fact or letter == 'l' and 'left ' or ''}
  end
end
return {current, news}
)lua";

const char kListForeign[] = R"lua(
local found = 0
for i = 3, #ARGV do
  local expiry = redis.call('TYPE', nodes .. ARGV[i]).ok == 'hash' and life(ARGV[i])
  if expiry and redis.call('ZADD', teachers, 'NX', text(expiry), ARGV[i]) == 1 then
    note('t' .. ARGV[i])
    found = found + 1
  end
end
return found
)lua";

}  // namespace

// Each is made once and never destroyed.
const std::string& RenewTeacherScript() {
  static const std::string& script = *new std::string(std::string(kCommon) + kRenewTeacher);
  return script;
}

const std::string& RemoveTeacherScript() {
  static const std::string& script = *new std::string(std::string(kCommon) + kRemoveTeacher);
  return script;
}

const std::string& RenewStudentScript() {
  static const std::string& script = *new std::string(std::string(kCommon) + kRenewStudent);
  return script;
}

const std::string& RemoveStudentScript() {
  static const std::string& script = *new std::string(std::string(kCommon) + kRemoveStudent);
  return script;
}

const std::string& ReadScript() {
  static const std::string& script = *new std::string(std::string(kCommon) + kRead);
  return script;
}

const std::string& ListForeignScript() {
  static const std::string& script = *new std::string(std::string(kCommon) + kListForeign);
  return script;
}

}  // namespace edl
