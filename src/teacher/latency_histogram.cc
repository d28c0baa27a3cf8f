// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace edl {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kShortest = 1e-3 / 16;

}  // namespace

// In seconds, the upper one.
double LatencyHistogram::EdgeOf(int bucket) {
  return kShortest * std::exp2(static_cast<double>(bucket) / kPerOctave);
}

void LatencyHistogram::Add(std::chrono::nanoseconds latency) {
  const double octaves = std::log2(std::max(Seconds(latency).count() / kShortest, 1.0));
  // Rounding must not put an edge into the bucket above it.
  const int bucket = static_cast<int>(std::ceil(octaves * kPerOctave - 1e-9));
  ++buckets_[std::min(bucket, kBuckets - 1)];
  ++count_;
}

std::chrono::nanoseconds LatencyHistogram::Quantile(double share) const {
  if (count_ == 0) return std::chrono::nanoseconds(0);
  const auto rank = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_)));
  std::int64_t below = 0;
  int bucket = 0;
  for (; bucket < kBuckets - 1; ++bucket) {
    below += buckets_[bucket];
    if (below >= rank) break;
  }
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Seconds(EdgeOf(bucket)));
}

void LatencyHistogram::Halve() {
  count_ = 0;
  for (std::int64_t& bucket : buckets_) count_ += bucket /= 2;
}

std::vector<LatencyHistogram::AtMost> LatencyHistogram::Cumulative() const {
  std::vector<AtMost> edges;
  std::int64_t count = 0;
  for (int bucket = 0; bucket < kBuckets - 1; ++bucket) {
    count += buckets_[bucket];
    if (bucket % kPerOctave == 0) edges.push_back({EdgeOf(bucket), count});
  }
  return edges;
}

}  // namespace edl
