// SPDX-License-Identifier: Apache-2.0
// RedisProcess: a redis-server, or a sentinel, of its own on a free port of this machine, that a test or a demo stops,
// kills and restarts.
// Errors: UNAVAILABLE - there is no redis-server or redis-sentinel in PATH, or it does not start.
// Thread-safety: one thread at a time.
// Lifetime: the process and its files go with this object; the kernel kills it if this process dies first.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace edl::testing {

enum class RedisKind { kServer, kSentinel };

class RedisProcess {
 public:
  // `settings`: lines of redis.conf. Serves when it returns. It keeps nothing on disk but what SAVE writes.
  static absl::StatusOr<std::unique_ptr<RedisProcess>> Start(std::vector<std::string> settings = {},
                                                             RedisKind kind = RedisKind::kServer);
  virtual ~RedisProcess() = default;

  // "redis://127.0.0.1:23456"
  virtual const std::string& url() const = 0;
  virtual int port() const = 0;

  // SIGKILL; SIGSTOP and SIGCONT.
  virtual void Kill() = 0;
  virtual void Pause() = 0;
  virtual void Resume() = 0;

  // Killed and started again on the same port, with what its last SAVE wrote, or with nothing.
  virtual absl::Status Restart() = 0;
  virtual absl::Status RestartEmpty() = 0;
};

}  // namespace edl::testing
