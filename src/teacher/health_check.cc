// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/health_check.h"

#include "absl/strings/str_cat.h"
#include "src/base/status.h"

namespace edl {
namespace {

// A heartbeat waits no longer for a check; one that takes longer is looked at again at the next heartbeat.
constexpr std::chrono::milliseconds kWait{500};

}  // namespace

HealthCheck::~HealthCheck() {
  if (pool_.Remove(this)) return;
  MutexLock lock(mu_);
  while (pending_) ended_.Wait(mu_);
}

absl::Status HealthCheck::Check(std::chrono::milliseconds patience) {
  const std::int64_t answered = counters_.answered.load(std::memory_order_relaxed);
  const TimePoint now = std::chrono::steady_clock::now();
  const bool just_answered = answered != answered_;
  answered_ = answered;
  bool submit = false;
  {
    MutexLock lock(mu_);
    if (just_answered) {
      pending_since_ = now;  // a check that still waits, waits behind requests that move on
      return absl::OkStatus();
    }
    if (!pending_) {
      submit = pending_ = true;
      pending_since_ = now;
    }
  }
  if (submit && !pool_.Submit(this)) End(absl::UnavailableError("this teacher has stopped"));
  MutexLock lock(mu_);
  while (pending_ && std::chrono::steady_clock::now() < now + kWait) ended_.WaitUntil(mu_, now + kWait);
  if (!pending_) return result_;
  if (now - pending_since_ < patience) return absl::OkStatus();  // a long request is no hang
  return absl::DeadlineExceededError(
      absl::StrCat("no instance has finished anything for ", (now - pending_since_) / std::chrono::seconds(1), " s"));
}

void HealthCheck::Run() {
  computed_ = Guarded([this] { return model_.SelfCheck(); });
}

void HealthCheck::Answer() {
  End(computed_);
}

void HealthCheck::Abandon() {
  End(absl::UnavailableError("this teacher has stopped"));
}

void HealthCheck::End(const absl::Status& result) {
  MutexLock lock(mu_);
  result_ = result;
  pending_ = false;
  ended_.NotifyAll();  // under the lock: from its release on, the destructor may return
}

}  // namespace edl
