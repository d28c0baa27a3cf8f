// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/request_gate.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "src/rpc/pushback.h"

namespace edl {

RequestGate::RequestGate(std::int64_t capacity, double client_share)
    : capacity_(capacity),
      most_of_one_client_(std::max<std::int64_t>(
          1, static_cast<std::int64_t>(std::ceil(static_cast<double>(capacity) * client_share)))) {}

absl::Status RequestGate::Enter(const std::string& client) {
  MutexLock lock(mu_);
  last_entry_ = std::chrono::steady_clock::now();
  if (!open_) return absl::UnavailableError("this teacher is shutting down; ask another one");
  if (inside_ >= capacity_) {
    return Refuse(absl::StrCat("this teacher has ", inside_, " unanswered requests, as many as it accepts; ask later"));
  }
  std::int64_t& of_client = clients_[client];  // 0 only when it gets in
  if (2 * inside_ >= capacity_ && of_client >= most_of_one_client_) {
    return Refuse(absl::StrCat("this teacher has ", of_client, " unanswered requests of yours, of ", inside_,
                               ", as many as it accepts of one client; ask later"));
  }
  if (inside_ == 0) last_leave_ = last_entry_;
  ++inside_;
  ++of_client;
  return absl::OkStatus();
}

absl::Status RequestGate::Refuse(const std::string& why) {
  return WithPushback(absl::ResourceExhaustedError(why), absl::StrCat(HalfTime().count()));
}

void RequestGate::Leave(const std::string& client) {
  constexpr int kAveraged = 16;  // leaves, or so
  const TimePoint now = std::chrono::steady_clock::now();
  MutexLock lock(mu_);
  leave_gap_ += (now - last_leave_ - leave_gap_) / kAveraged;
  last_leave_ = now;
  auto of_client = clients_.find(client);
  if (--of_client->second == 0) clients_.erase(of_client);
  if (--inside_ == 0) empty_.NotifyAll();
}

std::chrono::milliseconds RequestGate::RetryAfter() const {
  MutexLock lock(mu_);
  return HalfTime();
}

// Neither at once nor so late that a teacher which was busy for a moment stands idle.
std::chrono::milliseconds RequestGate::HalfTime() const {
  constexpr std::chrono::milliseconds kLeast{20}, kMost{5'000};
  return std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(inside_ / 2 * leave_gap_), kLeast, kMost);
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
