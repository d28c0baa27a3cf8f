// SPDX-License-Identifier: Apache-2.0
// RequestGate: counts the requests that the server has accepted and not yet answered, and is shut when it drains.
// Place: every ModelInfer call passes it first and leaves it last; a drain closes it and waits until it is empty.
// Errors: UNAVAILABLE - closed; RESOURCE_EXHAUSTED, with a pushback - as many requests inside as it holds, or as one
//         client may have there.
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

  // Each success is paired with one Leave() of the same client.
  absl::Status Enter(const std::string& client);
  void Leave(const std::string& client);

  // When half of those inside will have left, at the pace of late: no sooner need those come back that were not let in.
  std::chrono::milliseconds RetryAfter() const;

  void Close();
  bool open() const;
  std::int64_t inside() const;

  // Waits until nobody has tried to enter for `quiet`, or until `deadline`.
  void WaitUntilQuiet(std::chrono::milliseconds quiet, TimePoint deadline);

  // Waits until nobody is inside; gives how many still are at `deadline`.
  std::int64_t WaitUntilEmpty(TimePoint deadline);

 private:
  absl::Status Refuse(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::chrono::milliseconds HalfTime() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::int64_t capacity_;
  const std::int64_t most_of_one_client_;

  mutable Mutex mu_;
  CondVar empty_;
  bool open_ ABSL_GUARDED_BY(mu_) = true;
  std::int64_t inside_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, std::int64_t> clients_ ABSL_GUARDED_BY(mu_);  // of those inside
  // While somebody is inside: since when nobody has left, and how long that takes, on average.
  TimePoint last_leave_ ABSL_GUARDED_BY(mu_);
  std::chrono::nanoseconds leave_gap_ ABSL_GUARDED_BY(mu_){0};
  TimePoint last_entry_ ABSL_GUARDED_BY(mu_) = TimePoint::min();  // or attempt
};

}  // namespace edl
