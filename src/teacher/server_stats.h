// SPDX-License-Identifier: Apache-2.0
// ServerStats: what a teacher server has done since its start; ServerCounters: where its threads write it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace edl {

struct ServerStats {
  std::int64_t accepted = 0;  // requests taken into the queue
  std::int64_t calls = 0;     // of them, those that reached the model
  std::int64_t rows = 0;      // rows in those
  std::int64_t runs = 0;      // of the model; fewer than calls where requests were joined
  std::int64_t answered = 0;  // of the calls, those that got their soft labels
  std::int64_t failed = 0;    // of the calls, those that the model or the check of its outputs failed
  std::int64_t skipped = 0;   // accepted, but cancelled by the caller, or given up in the queue, unseen by the model

  // Never accepted, by why.
  std::int64_t overloaded = 0;  // as many requests as it takes, or as one client may have, were inside
  std::int64_t invalid = 0;     // malformed, or not fitting the model
  std::int64_t stopping = 0;    // it was shutting down
  std::int64_t refused() const { return overloaded + invalid + stopping; }

  // At this moment.
  std::int64_t in_flight = 0;  // let in and not answered yet
  std::int64_t queued = 0;     // of those: waiting for an instance

  // From arrival to answer, of the last thousand requests or so that succeeded, within 19 %; 0: of none yet.
  std::chrono::nanoseconds latency_p50{0};
  std::chrono::nanoseconds latency_p99{0};
};

// Written by gRPC's and the instance threads, read by whoever asks. Relaxed: nothing else hangs on their values.
struct ServerCounters {
  std::atomic<std::int64_t> accepted{0};
  std::atomic<std::int64_t> calls{0};
  std::atomic<std::int64_t> rows{0};
  std::atomic<std::int64_t> runs{0};
  std::atomic<std::int64_t> answered{0};
  std::atomic<std::int64_t> failed{0};
  std::atomic<std::int64_t> skipped{0};
  std::atomic<std::int64_t> overloaded{0};
  std::atomic<std::int64_t> invalid{0};
  std::atomic<std::int64_t> stopping{0};

  ServerStats Snapshot() const {
    constexpr auto relaxed = std::memory_order_relaxed;
    ServerStats stats;
    stats.accepted = accepted.load(relaxed);
    stats.calls = calls.load(relaxed);
    stats.rows = rows.load(relaxed);
    stats.runs = runs.load(relaxed);
    stats.answered = answered.load(relaxed);
    stats.failed = failed.load(relaxed);
    stats.skipped = skipped.load(relaxed);
    stats.overloaded = overloaded.load(relaxed);
    stats.invalid = invalid.load(relaxed);
    stats.stopping = stopping.load(relaxed);
    return stats;
  }
};

inline void Count(std::atomic<std::int64_t>& counter, std::int64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace edl
