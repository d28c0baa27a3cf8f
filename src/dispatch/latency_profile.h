// SPDX-License-Identifier: Apache-2.0
// LatencyProfile: how long teachers lately took for a request, over all lanes of a reader.
// Place: completed requests are recorded; the hedger asks how long is too long.
// Shapes: requests of 2^k to 2^(k+1) - 1 rows are one class. A class that has seen few goes by the next larger one that
//         has seen enough, which errs on the long side.
// Units: buckets of 1/8 octave, so within 9 %; 1 us to 64 s.
// Thread-safety: Record: any thread, without a lock. The rest: one thread at a time.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace edl {

class LatencyProfile {
 public:
  void Record(std::int64_t rows, std::chrono::nanoseconds latency);

  // Looks at what has been recorded, and makes what is old count half where enough has come since.
  void Refresh();

  // As of the last Refresh: a request of so many rows that takes longer outlives its peers. That is the 90th percentile
  // of the recent ones, and at least twice the median, so that a fleet of equals is not hedged for the luck of the
  // draw. Nothing: too few are known.
  std::optional<std::chrono::nanoseconds> TooLong(std::int64_t rows) const;
  // Of all classes.
  std::optional<std::chrono::nanoseconds> ShortestTooLong() const;

 private:
  static constexpr int kBuckets = 26 * 8;
  struct Class {
    // Relaxed: a count that is one late does no harm. Written by Record, lowered by Refresh.
    std::array<std::atomic<std::uint32_t>, kBuckets> buckets{};
  };

  static std::int64_t Count(const Class& of);
  static std::chrono::nanoseconds Quantile(const Class& of, std::int64_t rank);

  static constexpr int kClasses = 32;
  std::array<Class, kClasses> classes_;
  std::array<std::optional<std::chrono::nanoseconds>, kClasses> too_long_;
};

}  // namespace edl
