// SPDX-License-Identifier: Apache-2.0
// RedisConnection: one connection to one Redis server, where every wait is bounded.
// Place: made by ConnectToRedis; what the registry's classes speak to Redis through, and the only user of hiredis.
// Errors: UNAVAILABLE, DEADLINE_EXCEEDED - the connection is of no more use (`broken`): make another one.
//         CANCELLED - the interrupt was set while connecting.
//         UNAUTHENTICATED, PERMISSION_DENIED - wrong user or password, a certificate that one side does not accept;
//         the user may not do that.
//         FAILED_PRECONDITION - any other error that Redis replied, with its text.
//         All name the server, none repeats an argument.
// Thread-safety: one thread at a time.
// Lifetime, cost: outlived by the interrupt. A call blocks for the command timeout at most, or for a quarter of a
//         second once the interrupt is set, so that a thread that was told to stop can still say goodbye to a Redis
//         that answers. Looking a host's name up blocks for as long as the system's resolver does.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/executor.h"
#include "src/base/interrupt.h"
#include "src/base/tls_session.h"
#include "src/registry/redis_address.h"
#include "src/registry/redis_reply.h"

struct redisContext;

namespace edl {

struct RedisTimeouts {
  std::chrono::milliseconds connect{1000};
  std::chrono::milliseconds command{1000};
};

class RedisConnection {
 public:
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Dial(const RedisAddress::Host& host,
                                                               const RedisTimeouts& timeouts,
                                                               const Interrupt& interrupt,
                                                               const std::optional<TlsOptions>& tls = std::nullopt);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // One command and its reply.
  absl::StatusOr<RedisReply> Call(const std::vector<std::string>& words);

  // Many commands at once, which cost one round trip; a reply for each, in their order. An error that Redis replied to
  // one of them is that one's alone; the call fails when the connection does, and blocks for one command timeout.
  absl::StatusOr<std::vector<absl::StatusOr<RedisReply>>> CallAll(
      const std::vector<std::vector<std::string>>& commands);

  // Runs a Lua script, whose text travels only the first time.
  absl::StatusOr<RedisReply> RunScript(const std::string& script, const std::vector<std::string>& keys,
                                       const std::vector<std::string>& arguments);

  // After Call({"SUBSCRIBE", …}): waits for a message until `deadline` or the interrupt; true when one or more came.
  absl::StatusOr<bool> AwaitMessage(TimePoint deadline);

  bool broken() const { return broken_; }
  const std::string& server() const { return server_; }  // "host:port"

 private:
  RedisConnection(redisContext* context, const RedisAddress::Host& host, const RedisTimeouts& timeouts,
                  const Interrupt& interrupt);

  absl::Status Break(absl::StatusCode code, const std::string& why);
  absl::Status Await(short events, TimePoint& deadline);
  absl::Status BeginTls(const TlsOptions& tls, const std::string& host, TimePoint deadline);
  absl::Status Send(const std::string& bytes, TimePoint deadline);
  absl::Status SendRaw(const std::string& bytes, TimePoint deadline);
  absl::StatusOr<std::size_t> ReceiveRaw(char* bytes, std::size_t size);
  absl::StatusOr<bool> Receive();
  absl::Status BreakWith(const absl::Status& why);
  absl::Status Lost(const std::string& why);
  absl::StatusOr<RedisReply> ReadReply(TimePoint deadline);
  absl::Status ErrorReply(const std::string& words);

  redisContext* const context_;
  const std::string server_;
  const RedisTimeouts timeouts_;
  const Interrupt& interrupt_;
  std::unique_ptr<TlsSession> tls_;  // null: none
  bool broken_ = false;
  std::size_t unread_ = 0;                      // bytes of the reply that is not complete yet
  std::map<std::string, std::string> digests_;  // script → the name that this server gave it
};

}  // namespace edl
