// SPDX-License-Identifier: Apache-2.0
#include "src/registry/redis_connection.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/legible.h"
#include "src/base/status.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLastWords{250};

// Of one array; hiredis sets memory aside for all of them before any has come. The largest that is read holds the
// members of a service.
constexpr int kMostElements = 1 << 22;

// Of one reply, or of one message. 65536 teachers and as many students, with names as long as may be, come to less.
constexpr std::size_t kMostBytes = std::size_t{64} << 20;

TimePoint Now() {
  return std::chrono::steady_clock::now();
}

RedisReply ToValue(const redisReply& reply) {
  RedisReply value;
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      value.kind = RedisReply::Kind::kInteger;
      value.integer = reply.integer;
      break;
    case REDIS_REPLY_ARRAY:
      value.kind = RedisReply::Kind::kArray;
      for (std::size_t i = 0; i < reply.elements; ++i) value.elements.push_back(ToValue(*reply.element[i]));
      break;
    case REDIS_REPLY_NIL:
      break;
    default:
      value.kind = RedisReply::Kind::kText;
      value.text.assign(reply.str, reply.len);
  }
  return value;
}

// In the protocol's own form. Not redisCommandArgv: its write() raises SIGPIPE, which would end the user's process.
std::string Encode(const std::vector<std::string>& words) {
  std::string bytes = absl::StrCat("*", words.size(), "\r\n");
  for (const std::string& word : words) absl::StrAppend(&bytes, "$", word.size(), "\r\n", word, "\r\n");
  return bytes;
}

const redisReplyObjectFunctions* hiredis_functions = nullptr;

// hiredis takes null for "out of memory", and the connection is at its end. (A count is int, or size_t in hiredis 1.)
template <typename Count>
void* CreateBoundedArray(const redisReadTask* task, Count elements) {
  return elements > static_cast<Count>(kMostElements) ? nullptr : hiredis_functions->createArray(task, elements);
}

void BoundArrays(redisReader& reader) {
  static redisReplyObjectFunctions* const bounded = [&] {
    hiredis_functions = reader.fn;
    auto* functions = new redisReplyObjectFunctions(*reader.fn);
    functions->createArray = CreateBoundedArray;
    return functions;
  }();
  reader.fn = bounded;
}

// `why` is hiredis' word. A TLS server that is spoken to plainly answers with an alert, whose first byte is 21.
std::string NoRedis(const std::string& why) {
  const char* const hint = absl::StrContains(why, "\\x15") ? " (it may speak TLS: write rediss://)" : "";
  return absl::StrCat("does not speak Redis: ", why, hint);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Dial(const RedisAddress::Host& host,
                                                                       const RedisTimeouts& timeouts,
                                                                       const Interrupt& interrupt,
                                                                       const std::optional<TlsOptions>& tls) {
  redisContext* context = redisConnectNonBlock(host.name.c_str(), host.port);
  if (context == nullptr) return absl::ResourceExhaustedError("out of memory");
  std::unique_ptr<RedisConnection> connection(new RedisConnection(context, host, timeouts, interrupt));
  auto refused = [&](const std::string& why) {
    return connection->Break(absl::StatusCode::kUnavailable, absl::StrCat("cannot be reached: ", why));
  };
  if (context->err != 0) return refused(context->errstr);
  TimePoint deadline = Now() + timeouts.connect;
  if (interrupt.set()) return absl::CancelledError("stopped before Redis was reached");
  EDL_RETURN_IF_ERROR(connection->Await(POLLOUT, deadline));
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(context->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return refused(std::strerror(error));
  BoundArrays(*context->reader);
  redisEnableKeepAlive(context);  // the events' connection is silent for hours
  if (tls) EDL_RETURN_IF_ERROR(connection->BeginTls(*tls, host.name, deadline));
  return connection;
}

RedisConnection::RedisConnection(redisContext* context, const RedisAddress::Host& host, const RedisTimeouts& timeouts,
                                 const Interrupt& interrupt)
    : context_(context), server_(host.ToString()), timeouts_(timeouts), interrupt_(interrupt) {}

RedisConnection::~RedisConnection() {
  redisFree(context_);
}

absl::Status RedisConnection::Break(absl::StatusCode code, const std::string& why) {
  broken_ = true;
  return absl::Status(code, absl::StrCat("Redis at ", server_, " ", why));
}

// Until the socket is ready for `events`. The interrupt brings the deadline near.
absl::Status RedisConnection::Await(short events, TimePoint& deadline) {
  bool heard = false;
  while (true) {
    pollfd waits[] = {{context_->fd, events, 0}, {heard ? -1 : interrupt_.fd(), POLLIN, 0}};
    const auto left = std::chrono::ceil<milliseconds>(deadline - Now()).count();
    if (left <= 0) return Break(absl::StatusCode::kDeadlineExceeded, "does not answer in time");
    const int ready = poll(waits, 2, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return Break(absl::StatusCode::kUnavailable, std::strerror(errno));
    if (ready <= 0) continue;
    if (waits[0].revents != 0) return absl::OkStatus();
    heard = true;
    deadline = std::min(deadline, Now() + kLastWords);
  }
}

absl::Status RedisConnection::BreakWith(const absl::Status& why) {
  return Break(why.code(), absl::StrCat("cannot be spoken to by TLS: ", why.message()));
}

// The server has closed the connection, or is gone.
absl::Status RedisConnection::Lost(const std::string& why) {
  const absl::Status meaning = tls_ == nullptr ? absl::OkStatus() : tls_->Closed();
  if (absl::IsUnauthenticated(meaning)) return BreakWith(meaning);
  return Break(absl::StatusCode::kUnavailable, why);
}

absl::Status RedisConnection::BeginTls(const TlsOptions& tls, const std::string& host, TimePoint deadline) {
  absl::StatusOr<std::unique_ptr<TlsSession>> session = TlsSession::Create(tls, host);
  if (!session.ok()) return BreakWith(session.status());
  while (true) {
    const absl::StatusOr<bool> agreed = (*session)->Handshake();
    // Whatever has become of it: an alert tells the other side why.
    const absl::Status sent = SendRaw((*session)->TakeOutput(), deadline);
    if (!agreed.ok()) return BreakWith(agreed.status());
    EDL_RETURN_IF_ERROR(sent);
    if (*agreed) break;
    const absl::Status answered = Await(POLLIN, deadline);
    if (absl::IsDeadlineExceeded(answered)) {  // as of Redis' plain port, which waits for the end of a line
      return Break(answered.code(), "does not answer a TLS handshake: is that its TLS port?");
    }
    EDL_RETURN_IF_ERROR(answered);
    char bytes[4096];
    EDL_ASSIGN_OR_RETURN(const std::size_t size, ReceiveRaw(bytes, sizeof bytes));
    if (size > 0) EDL_RETURN_IF_ERROR((*session)->Feed(bytes, size));
  }
  tls_ = *std::move(session);
  return absl::OkStatus();
}

absl::Status RedisConnection::Send(const std::string& bytes, TimePoint deadline) {
  if (tls_ == nullptr) return SendRaw(bytes, deadline);
  const absl::Status written = tls_->Write(bytes);
  if (!written.ok()) return BreakWith(written);
  return SendRaw(tls_->TakeOutput(), deadline);
}

absl::Status RedisConnection::SendRaw(const std::string& bytes, TimePoint deadline) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = send(context_->fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      EDL_RETURN_IF_ERROR(Await(POLLOUT, deadline));
    } else if (errno != EINTR) {
      return Lost(absl::StrCat("was lost: ", std::strerror(errno)));
    }
  }
  return absl::OkStatus();
}

// 0: nothing is there to be read.
absl::StatusOr<std::size_t> RedisConnection::ReceiveRaw(char* bytes, std::size_t size) {
  const ssize_t n = recv(context_->fd, bytes, size, MSG_DONTWAIT);
  if (n > 0) return static_cast<std::size_t>(n);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::size_t{0};
  return Lost(n == 0 ? "closed the connection" : absl::StrCat("was lost: ", std::strerror(errno)));
}

// What is there to be read, into the parser; false when that is nothing.
absl::StatusOr<bool> RedisConnection::Receive() {
  char bytes[16 * 1024];
  EDL_ASSIGN_OR_RETURN(const std::size_t size, ReceiveRaw(bytes, sizeof bytes));
  if (size == 0) return false;
  unread_ += size;
  if (unread_ > kMostBytes) {
    return Break(absl::StatusCode::kUnavailable,
                 absl::StrCat("sends more than ", kMostBytes, " bytes at once; what stands in those keys?"));
  }
  if (tls_ == nullptr) {
    redisReaderFeed(context_->reader, bytes, size);
    return true;
  }
  EDL_RETURN_IF_ERROR(tls_->Feed(bytes, size));
  while (true) {
    const absl::StatusOr<std::size_t> plain = tls_->Read(bytes, sizeof bytes);
    if (!plain.ok()) return BreakWith(plain.status());
    if (*plain == 0) return true;
    redisReaderFeed(context_->reader, bytes, *plain);
  }
}

absl::StatusOr<RedisReply> RedisConnection::ReadReply(TimePoint deadline) {
  while (true) {
    void* raw = nullptr;
    if (redisReaderGetReply(context_->reader, &raw) != REDIS_OK) {
      return Break(absl::StatusCode::kUnavailable, NoRedis(context_->reader->errstr));
    }
    if (raw != nullptr) {
      unread_ = 0;
      std::unique_ptr<redisReply, void (*)(void*)> reply(static_cast<redisReply*>(raw), freeReplyObject);
      if (reply->type == REDIS_REPLY_ERROR) return ErrorReply(std::string(reply->str, reply->len));
      return ToValue(*reply);
    }
    EDL_ASSIGN_OR_RETURN(bool received, Receive());
    if (!received) EDL_RETURN_IF_ERROR(Await(POLLIN, deadline));
  }
}

absl::Status RedisConnection::ErrorReply(const std::string& words) {
  const std::string text = Legible(words);
  for (const char* away : {"LOADING", "MASTERDOWN", "READONLY", "UNKILLABLE", "BUSY "}) {
    // A replica, or a master that was made one: whoever connects again may find the master.
    if (absl::StartsWith(text, away)) return Break(absl::StatusCode::kUnavailable, absl::StrCat("says: ", text));
  }
  const bool unknown = absl::StartsWith(text, "NOAUTH") || absl::StartsWith(text, "WRONGPASS") ||
                       absl::StartsWith(text, "ERR invalid password") || absl::StartsWith(text, "ERR AUTH");
  const absl::StatusCode code = unknown                            ? absl::StatusCode::kUnauthenticated
                                : absl::StartsWith(text, "NOPERM") ? absl::StatusCode::kPermissionDenied
                                                                   : absl::StatusCode::kFailedPrecondition;
  return absl::Status(code, absl::StrCat("Redis at ", server_, " says: ", text));
}

absl::StatusOr<RedisReply> RedisConnection::Call(const std::vector<std::string>& words) {
  const TimePoint deadline = Now() + timeouts_.command;
  EDL_RETURN_IF_ERROR(Send(Encode(words), deadline));
  return ReadReply(deadline);
}

absl::StatusOr<std::vector<absl::StatusOr<RedisReply>>> RedisConnection::CallAll(
    const std::vector<std::vector<std::string>>& commands) {
  const TimePoint deadline = Now() + timeouts_.command;
  std::string bytes;
  for (const std::vector<std::string>& words : commands) bytes += Encode(words);
  EDL_RETURN_IF_ERROR(Send(bytes, deadline));
  std::vector<absl::StatusOr<RedisReply>> replies;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    replies.push_back(ReadReply(deadline));
    if (broken_) return replies.back().status();
  }
  return replies;
}

absl::StatusOr<RedisReply> RedisConnection::RunScript(const std::string& script, const std::vector<std::string>& keys,
                                                      const std::vector<std::string>& arguments) {
  for (int attempt = 0;; ++attempt) {
    auto known = digests_.find(script);
    if (known == digests_.end()) {
      EDL_ASSIGN_OR_RETURN(RedisReply loaded, Call({"SCRIPT", "LOAD", script}));
      known = digests_.emplace(script, loaded.text).first;
    }
    std::vector<std::string> words = {"EVALSHA", known->second, absl::StrCat(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    absl::StatusOr<RedisReply> reply = Call(words);
    if (reply.ok() || attempt > 0 || !absl::StrContains(reply.status().message(), "says: NOSCRIPT")) return reply;
    digests_.erase(known);  // SCRIPT FLUSH
  }
}

absl::StatusOr<bool> RedisConnection::AwaitMessage(TimePoint deadline) {
  bool any = false;
  while (true) {
    EDL_ASSIGN_OR_RETURN(bool received, Receive());
    for (void* raw = nullptr;; raw = nullptr) {
      if (redisReaderGetReply(context_->reader, &raw) != REDIS_OK) {
        return Break(absl::StatusCode::kUnavailable, NoRedis(context_->reader->errstr));
      }
      if (raw == nullptr) break;
      freeReplyObject(raw);
      unread_ = 0;
      any = true;
    }
    if (received) continue;
    const auto left = std::chrono::ceil<milliseconds>(deadline - Now()).count();
    if (any || left <= 0 || interrupt_.set()) return any;
    pollfd waits[] = {{context_->fd, POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}};
    if (poll(waits, 2, static_cast<int>(left)) < 0 && errno != EINTR) {
      return Break(absl::StatusCode::kUnavailable, std::strerror(errno));
    }
  }
}

}  // namespace edl
