// SPDX-License-Identifier: Apache-2.0
// BusyClock: since when a teacher has had nothing of ours to do, and how long it had something before.
// Rule: what busy() has told never falls, whatever order threads come in: time that was told is settled.
// Thread-safety: any thread. Of those that mark at the same time, one counts.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "src/base/executor.h"
#include "src/base/mutex.h"

namespace edl {

class BusyClock {
 public:
  // The later of two in a row says nothing new.
  void MarkIdle(TimePoint now) {
    MutexLock lock(mu_);
    if (idle_since().has_value()) return;
    Settle(now);
    is_busy_ = false;
    idle_since_.store(Count(now), std::memory_order_relaxed);
  }
  void MarkBusy(TimePoint now) {
    if (!idle_since().has_value()) return;  // as a rule, and then without the lock
    MutexLock lock(mu_);
    if (idle_since_.exchange(0, std::memory_order_relaxed) == 0) return;
    Settle(now);
    is_busy_ = true;
  }

  std::optional<TimePoint> idle_since() const {
    const std::int64_t since = idle_since_.load(std::memory_order_relaxed);
    if (since == 0) return std::nullopt;
    return TimePoint(std::chrono::nanoseconds(since));
  }
  std::chrono::nanoseconds busy(TimePoint now) const {
    MutexLock lock(mu_);
    Settle(now);
    return busy_;
  }

  void Reset() {
    MutexLock lock(mu_);
    idle_since_.store(0, std::memory_order_relaxed);
    is_busy_ = false;
    busy_ = std::chrono::nanoseconds::zero();
  }

 private:
  static std::int64_t Count(TimePoint time) { return time.time_since_epoch() / std::chrono::nanoseconds(1); }

  void Settle(TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (now <= settled_) return;  // another thread's clock was read later
    if (is_busy_) busy_ += now - settled_;
    settled_ = now;
  }

  mutable Mutex mu_;
  // Nanoseconds of the steady clock; 0: busy, or never marked. Written under mu_; read by any, relaxed: nothing hangs
  // on it.
  std::atomic<std::int64_t> idle_since_{0};
  bool is_busy_ ABSL_GUARDED_BY(mu_) = false;
  mutable TimePoint settled_ ABSL_GUARDED_BY(mu_);  // what came before is in busy_, if it belongs there
  mutable std::chrono::nanoseconds busy_ ABSL_GUARDED_BY(mu_){0};
};

}  // namespace edl
