// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/request_gate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace edl {

absl::Status RequestGate::Enter() {
  MutexLock lock(mu_);
  last_entry_ = std::chrono::steady_clock::now();
  if (!open_) return absl::UnavailableError("this teacher is shutting down; ask another one");
  if (inside_ >= capacity_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("this teacher has ", inside_, " unanswered requests, as many as it accepts; ask later"));
  }
  ++inside_;
  return absl::OkStatus();
}

void RequestGate::Leave() {
  MutexLock lock(mu_);
  if (--inside_ == 0) empty_.NotifyAll();
}

void RequestGate::Close() {
  MutexLock lock(mu_);
  open_ = false;
}

bool RequestGate::open() const {
  MutexLock lock(mu_);
  return open_;
}

std::int64_t RequestGate::inside() const {
  MutexLock lock(mu_);
  return inside_;
}

void RequestGate::WaitUntilQuiet(std::chrono::milliseconds quiet, TimePoint deadline) {
  const TimePoint begin = std::chrono::steady_clock::now();
  MutexLock lock(mu_);
  while (true) {
    const TimePoint until = std::min(std::max(last_entry_, begin) + quiet, deadline);
    if (std::chrono::steady_clock::now() >= until) return;
    empty_.WaitUntil(mu_, until);
  }
}

std::int64_t RequestGate::WaitUntilEmpty(TimePoint deadline) {
  MutexLock lock(mu_);
  while (inside_ > 0 && std::chrono::steady_clock::now() < deadline) empty_.WaitUntil(mu_, deadline);
  return inside_;
}

}  // namespace edl
