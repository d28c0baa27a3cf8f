// SPDX-License-Identifier: Apache-2.0
// ServerStats: what a teacher server has done since its start; ServerCounters: where its threads write it.
#pragma once

#include <atomic>
#include <cstdint>

namespace edl {

struct ServerStats {
  std::int64_t accepted = 0;  // requests taken into the queue
  std::int64_t calls = 0;     // of them, those that reached the model
  std::int64_t rows = 0;      // rows in those
  std::int64_t runs = 0;      // of the model; fewer than calls where requests were joined
  std::int64_t answered = 0;  // of the calls, those that got their soft labels
  std::int64_t failed = 0;    // of the calls, those that the model or the check of its outputs failed
  std::int64_t skipped = 0;   // accepted, but cancelled by the caller before the model saw them
  std::int64_t refused = 0;   // never accepted: malformed, not fitting the model, over a bound, or while shutting down
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
  std::atomic<std::int64_t> refused{0};

  ServerStats Snapshot() const {
    constexpr auto relaxed = std::memory_order_relaxed;
    return {accepted.load(relaxed), calls.load(relaxed),  rows.load(relaxed),    runs.load(relaxed),
            answered.load(relaxed), failed.load(relaxed), skipped.load(relaxed), refused.load(relaxed)};
  }
};

inline void Count(std::atomic<std::int64_t>& counter, std::int64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace edl
