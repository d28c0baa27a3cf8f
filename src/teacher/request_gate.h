// SPDX-License-Identifier: Apache-2.0
// RequestGate: counts the requests that the server has accepted and not yet answered, and the answers that are not yet
//              sent; and is shut when it drains.
// Place: every ModelInfer call passes it first and leaves it last; a drain closes it and waits until it is empty.
// Errors: UNAVAILABLE - closed; RESOURCE_EXHAUSTED, with a pushback - as many of either inside as it holds, or as one
//         client may have there.
// Why apart: that an answer is sent is heard of late on a busy machine, and whoever has got it may have asked a dozen
// times again; it must not be refused for that. Whoever takes no answers must be.
// Thread-safety: any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "src/base/executor.h"
#include "src/base/mutex.h"

namespace edl {

class RequestGate {
 public:
  // Once half of its places are taken, no client may have more than `client_share` (0 to 1) of all of them.
  explicit RequestGate(std::int64_t capacity, double client_share = 1);

  // Each success is followed by one Answer(), and that by one Leave(), of the same client.
  absl::Status Enter(const std::string& client);
  void Answer(const std::string& client);
  void Leave(const std::string& client);

  // When half of the requests will have been answered, at the pace of late: no sooner need those come back that were
  // not let in.
  std::chrono::milliseconds RetryAfter() const;

  void Close();
  bool open() const;
  std::int64_t inside() const;

  // Waits until nobody has tried to enter for `quiet`, or until `deadline`.
  void WaitUntilQuiet(std::chrono::milliseconds quiet, TimePoint deadline);

  // Waits until nobody is inside; gives how many still are at `deadline`.
  std::int64_t WaitUntilEmpty(TimePoint deadline);

 private:
  // Requests, or answers, each of some client.
  struct Places {
    Places(std::int64_t capacity, double client_share);
    bool full() const { return taken >= capacity; }
    std::int64_t Of(const std::string& client) const;
    bool HasShare(const std::string& client) const { return 2 * taken >= capacity && Of(client) >= most_of_one; }
    void Take(const std::string& client);
    void Free(const std::string& client);

    const std::int64_t capacity;
    const std::int64_t most_of_one;
    std::int64_t taken = 0;
    std::map<std::string, std::int64_t> clients;  // of those taken
  };

  absl::Status Refuse(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::chrono::milliseconds HalfTime() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::int64_t Inside() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return asked_.taken + answered_.taken; }

  mutable Mutex mu_;
  CondVar empty_;
  bool open_ ABSL_GUARDED_BY(mu_) = true;
  Places asked_ ABSL_GUARDED_BY(mu_);
  Places answered_ ABSL_GUARDED_BY(mu_);
  // While there are requests: since when none was answered, and how long that takes, on average.
  TimePoint last_answer_ ABSL_GUARDED_BY(mu_);
  std::chrono::nanoseconds answer_gap_ ABSL_GUARDED_BY(mu_){0};
  TimePoint last_entry_ ABSL_GUARDED_BY(mu_) = TimePoint::min();  // or attempt
};

}  // namespace edl
