// SPDX-License-Identifier: Apache-2.0
#include "src/registry/redis_connect.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/legible.h"
#include "src/base/status.h"

namespace edl {
namespace {

absl::Status Authenticate(RedisConnection& redis, const RedisAddress::Host& host, const RedisAddress& address) {
  if (!address.has_password()) return absl::OkStatus();
  if (!address.MaySendPasswordTo(host)) {  // a master that a sentinel of this machine named
    return absl::InvalidArgumentError(
        absl::StrCat("Redis at ", redis.server(),
                     " is on another machine and is spoken to without TLS, so that others could read the password on "
                     "the way; write rediss+sentinel://, or add ?allow-plaintext-password=yes"));
  }
  EDL_ASSIGN_OR_RETURN(const std::string password, address.Password());
  std::vector<std::string> words = {"AUTH"};
  if (!address.user.empty()) words.push_back(address.user);
  words.push_back(password);
  absl::Status status = redis.Call(words).status();
  if (absl::StrContains(status.message(), Legible(password))) {  // some errors of Redis repeat the arguments
    status = absl::Status(status.code(), absl::StrCat("Redis at ", redis.server(), " refuses the command AUTH"));
  }
  if (redis.broken()) return status;  // so it has nothing to do with the user
  const std::string as = address.user.empty() ? "the default user" : absl::StrCat("user '", address.user, "'");
  return Annotate(status, absl::StrCat("as ", as, " (check user and password in the Redis address)"));
}

absl::StatusOr<std::unique_ptr<RedisConnection>> Open(const RedisAddress::Host& host, const RedisAddress& address,
                                                      const RedisTimeouts& timeouts, const Interrupt& interrupt) {
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<RedisConnection> redis,
                       RedisConnection::Dial(host, timeouts, interrupt, address.tls));
  EDL_RETURN_IF_ERROR(Authenticate(*redis, host, address));
  if (address.db != 0) {
    EDL_RETURN_IF_ERROR(
        Annotate(redis->Call({"SELECT", absl::StrCat(address.db)}).status(), absl::StrCat("database ", address.db)));
  }
  return redis;
}

// Who one sentinel says the master is.
absl::StatusOr<RedisAddress::Host> AskSentinel(const RedisAddress::Host& sentinel, const RedisAddress& address,
                                               const RedisTimeouts& timeouts, const Interrupt& interrupt) {
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<RedisConnection> redis,
                       RedisConnection::Dial(sentinel, timeouts, interrupt, address.tls));
  const std::vector<std::string> question = {"SENTINEL", "get-master-addr-by-name", address.master};
  absl::StatusOr<RedisReply> reply = redis->Call(question);
  if (absl::IsUnauthenticated(reply.status())) {  // most sentinels have no password, and refuse one
    EDL_RETURN_IF_ERROR(Authenticate(*redis, sentinel, address));
    reply = redis->Call(question);
  }
  EDL_RETURN_IF_ERROR(reply.status());
  int port = 0;
  if (reply->elements.size() != 2 || !absl::SimpleAtoi(reply->elements[1].text, &port)) {
    return absl::UnavailableError(
        absl::StrCat("the sentinel at ", sentinel.ToString(), " knows no master '", address.master, "'"));
  }
  return RedisAddress::Host{reply->elements[0].text, port};
}

absl::Status CheckMaster(RedisConnection& redis) {
  absl::StatusOr<RedisReply> role = redis.Call({"ROLE"});
  if (absl::IsPermissionDenied(role.status())) return absl::OkStatus();  // READONLY, at the first write, will tell
  EDL_RETURN_IF_ERROR(role.status());
  if (!role->elements.empty() && role->elements[0].text == "master") return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("Redis at ", redis.server(), " is not the master, though a sentinel says so"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisConnection>> ConnectToRedis(const RedisAddress& address,
                                                                const RedisTimeouts& timeouts,
                                                                const Interrupt& interrupt) {
  if (address.master.empty()) return Open(address.hosts.front(), address, timeouts, interrupt);
  std::string said;
  for (const RedisAddress::Host& sentinel : address.hosts) {
    absl::Status status;
    absl::StatusOr<RedisAddress::Host> master = AskSentinel(sentinel, address, timeouts, interrupt);
    if (!master.ok()) {
      status = master.status();
    } else {
      absl::StatusOr<std::unique_ptr<RedisConnection>> redis = Open(*master, address, timeouts, interrupt);
      status = redis.ok() ? CheckMaster(**redis) : redis.status();
      if (status.ok()) return redis;
    }
    if (absl::IsCancelled(status)) return status;
    absl::StrAppend(&said, said.empty() ? "" : "; ", status.message());
  }
  return absl::UnavailableError(absl::StrCat("no sentinel names a master '", address.master, "' in reach: ", said));
}

}  // namespace edl
