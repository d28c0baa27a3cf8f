// SPDX-License-Identifier: Apache-2.0
// RequestGate: counts the requests that the server has accepted and not yet answered, and is shut when it drains.
// Place: every ModelInfer call passes it first and leaves it last; a drain closes it and waits until it is empty.
// Errors: UNAVAILABLE - closed; RESOURCE_EXHAUSTED - as many requests inside as it holds.
// Thread-safety: any thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "src/base/executor.h"
#include "src/base/mutex.h"

namespace edl {

class RequestGate {
 public:
  explicit RequestGate(std::int64_t capacity) : capacity_(capacity) {}

  // Each success is paired with one Leave().
  absl::Status Enter();
  void Leave();

  void Close();
  bool open() const;
  std::int64_t inside() const;

  // Waits until nobody has tried to enter for `quiet`, or until `deadline`.
  void WaitUntilQuiet(std::chrono::milliseconds quiet, TimePoint deadline);

  // Waits until nobody is inside; gives how many still are at `deadline`.
  std::int64_t WaitUntilEmpty(TimePoint deadline);

 private:
  const std::int64_t capacity_;

  mutable Mutex mu_;
  CondVar empty_;
  bool open_ ABSL_GUARDED_BY(mu_) = true;
  std::int64_t inside_ ABSL_GUARDED_BY(mu_) = 0;
  TimePoint last_entry_ ABSL_GUARDED_BY(mu_) = TimePoint::min();  // or attempt
};

}  // namespace edl
