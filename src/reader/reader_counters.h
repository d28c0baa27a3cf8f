// SPDX-License-Identifier: Apache-2.0
// ReaderCounters: what Stats() reads of the reader's own stages.
// Thread-safety: each is written by whom stands above it, and read by any; relaxed, since nothing hangs on them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "edl/stats.h"

namespace edl {

struct ReaderCounters {
  // The source's thread.
  std::atomic<std::int64_t> pulled{0};  // items that the source gave
  std::atomic<std::int64_t> split{0};   // of them, those that went on to teachers, or ended with their epoch
  std::atomic<std::int64_t> source_waited_ns{0};
  std::atomic<std::int64_t> teachers_waited_ns{0};
  // Whoever brings a batch's last reply.
  std::atomic<std::int64_t> completed{0};  // batches in flight that were put into the ring, well or not
  // The student's thread.
  std::atomic<std::int64_t> taken{0};  // batches in flight that came to the student's side
  std::atomic<std::int64_t> rows{0};
  std::atomic<std::int64_t> dropped{0};

  void AddTo(ReaderStats& stats) const {
    constexpr auto relaxed = std::memory_order_relaxed;
    stats.source.out = split.load(relaxed);
    stats.source.in = pulled.load(relaxed);
    stats.source.depth = stats.source.in - stats.source.out;
    stats.ring.out = taken.load(relaxed);
    stats.ring.in = completed.load(relaxed);
    stats.ring.depth = stats.ring.in - stats.ring.out;
    stats.rows = rows.load(relaxed);
    stats.dropped = dropped.load(relaxed);
    stats.teachers_waited_for_source = std::chrono::nanoseconds(teachers_waited_ns.load(relaxed));
    stats.source_waited_for_student = std::chrono::nanoseconds(source_waited_ns.load(relaxed));
  }
};

inline void Count(std::atomic<std::int64_t>& counter, std::int64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

inline void CountTime(std::atomic<std::int64_t>& counter, std::chrono::nanoseconds time) {
  Count(counter, time.count());
}

}  // namespace edl
