// SPDX-License-Identifier: Apache-2.0
// BusyClock: since when a teacher has had nothing of ours to do, and how long it had something before.
// Thread-safety: any thread. Of those that mark at the same time, one counts; relaxed, nothing hangs on the times.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "src/base/executor.h"

namespace edl {

class BusyClock {
 public:
  // The later of two in a row says nothing new.
  void MarkIdle(TimePoint now) {
    std::int64_t busy = 0;
    if (!idle_since_.compare_exchange_strong(busy, Count(now), std::memory_order_relaxed)) return;
    const std::int64_t since = busy_since_.exchange(0, std::memory_order_relaxed);
    if (since != 0) busy_ns_.fetch_add(Count(now) - since, std::memory_order_relaxed);
  }
  void MarkBusy(TimePoint now) {
    if (idle_since_.exchange(0, std::memory_order_relaxed) == 0) return;
    busy_since_.store(Count(now), std::memory_order_relaxed);
  }

  std::optional<TimePoint> idle_since() const {
    const std::int64_t since = idle_since_.load(std::memory_order_relaxed);
    if (since == 0) return std::nullopt;
    return TimePoint(std::chrono::nanoseconds(since));
  }
  std::chrono::nanoseconds busy(TimePoint now) const {
    const std::int64_t since = busy_since_.load(std::memory_order_relaxed);
    const std::int64_t before = busy_ns_.load(std::memory_order_relaxed);
    return std::chrono::nanoseconds(since == 0 ? before : before + Count(now) - since);
  }

  void Reset() {
    for (std::atomic<std::int64_t>* time : {&idle_since_, &busy_since_, &busy_ns_}) {
      time->store(0, std::memory_order_relaxed);
    }
  }

 private:
  static std::int64_t Count(TimePoint time) { return time.time_since_epoch() / std::chrono::nanoseconds(1); }

  std::atomic<std::int64_t> idle_since_{0};  // nanoseconds of the steady clock; 0: busy, or never marked
  std::atomic<std::int64_t> busy_since_{0};  // the same; 0: idle, or never marked
  std::atomic<std::int64_t> busy_ns_{0};     // up to the last MarkIdle
};

}  // namespace edl
