// SPDX-License-Identifier: Apache-2.0
// LatencyHistogram: how many requests took how long.
// Units: buckets of a quarter octave, so within 19 %; 1/16 ms to 65.536 s. What took less or more is in the outermost.
// Thread-safety: one thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace edl {

class LatencyHistogram {
 public:
  void Add(std::chrono::nanoseconds latency);

  std::int64_t count() const { return count_; }

  // Such a share of all, 0 to 1, took no longer; a bucket's upper edge. 0 when there is none.
  std::chrono::nanoseconds Quantile(double share) const;

  // What has been added counts half from now on.
  void Halve();

  struct AtMost {
    double seconds = 0;
    std::int64_t count = 0;  // that took no longer
  };
  // One an octave, shortest first. What is missing in the last took longer.
  std::vector<AtMost> Cumulative() const;

 private:
  static constexpr int kPerOctave = 4;
  static constexpr int kOctaves = 20;
  // The first ends at the shortest edge; the last has none.
  static constexpr int kBuckets = kOctaves * kPerOctave + 2;

  static double EdgeOf(int bucket);

  std::array<std::int64_t, kBuckets> buckets_{};
  std::int64_t count_ = 0;
};

}  // namespace edl
