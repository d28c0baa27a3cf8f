// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/latency_profile.h"

#include <algorithm>
#include <cmath>

namespace edl {
namespace {

using std::chrono::nanoseconds;

constexpr auto kRelaxed = std::memory_order_relaxed;

constexpr int kPerOctave = 8;
constexpr std::int64_t kEnough = 20;
constexpr std::int64_t kAgeAt = 512;

int ClassOf(std::int64_t rows) {
  const auto capped = static_cast<std::uint32_t>(std::clamp<std::int64_t>(rows, 1, INT32_MAX));
  return 31 - __builtin_clz(capped);
}

// The upper edge of a bucket.
nanoseconds EdgeOf(int bucket) {
  return nanoseconds(static_cast<std::int64_t>(1000 * std::exp2(static_cast<double>(bucket + 1) / kPerOctave)));
}

}  // namespace

void LatencyProfile::Record(std::int64_t rows, nanoseconds latency) {
  const double microseconds = std::max(static_cast<double>(latency.count()) / 1000, 1.0);
  const int bucket = std::min(static_cast<int>(std::log2(microseconds) * kPerOctave), kBuckets - 1);
  classes_[ClassOf(rows)].buckets[bucket].fetch_add(1, kRelaxed);
}

void LatencyProfile::Refresh() {
  std::optional<nanoseconds> larger;  // the next larger class's
  for (int c = kClasses - 1; c >= 0; --c) {
    Class& of = classes_[c];
    const std::int64_t count = Count(of);
    if (count >= kEnough) larger = std::max(Quantile(of, count * 9 / 10), 2 * Quantile(of, count / 2));
    too_long_[c] = larger;
    if (count < kAgeAt) continue;
    for (std::atomic<std::uint32_t>& bucket : of.buckets) bucket.fetch_sub(bucket.load(kRelaxed) / 2, kRelaxed);
  }
}

std::optional<nanoseconds> LatencyProfile::TooLong(std::int64_t rows) const {
  return too_long_[ClassOf(rows)];
}

std::optional<nanoseconds> LatencyProfile::ShortestTooLong() const {
  std::optional<nanoseconds> shortest;
  for (const std::optional<nanoseconds>& one : too_long_) {
    if (one && (!shortest || *one < *shortest)) shortest = one;
  }
  return shortest;
}

std::int64_t LatencyProfile::Count(const Class& of) {
  std::int64_t count = 0;
  for (const std::atomic<std::uint32_t>& bucket : of.buckets) count += bucket.load(kRelaxed);
  return count;
}

nanoseconds LatencyProfile::Quantile(const Class& of, std::int64_t rank) {
  std::int64_t below = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    below += of.buckets[bucket].load(kRelaxed);
    if (below > rank) return EdgeOf(bucket);
  }
  return EdgeOf(kBuckets - 1);
}

}  // namespace edl
