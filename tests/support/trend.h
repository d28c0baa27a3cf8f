// SPDX-License-Identifier: Apache-2.0
// Trend: the straight line that fits values over time best, by least squares; for telling a leak from values that go up
// and down.
// Thread-safety: one thread at a time.
// Lifetime, cost: keeps no values, so that a soak of weeks may add one each second.
#pragma once

#include <chrono>
#include <cstdint>

namespace edl::test {

class Trend {
 public:
  using Hours = std::chrono::duration<double, std::ratio<3600>>;

  // `at`: since any moment, and never less than the last one.
  void Add(Hours at, double value);

  std::int64_t count() const { return count_; }
  double mean() const { return mean_; }
  // 0 while there are not two moments.
  double per_hour() const { return square_ > 0 ? product_ / square_ : 0; }
  // By how much the line rises from the first value to the last.
  double growth() const { return per_hour() * (last_ - first_).count(); }

 private:
  // Welford's way: differences from the means of now, so that long times do not eat up the digits.
  std::int64_t count_ = 0;
  double mean_ = 0;
  double mean_hours_ = 0;
  double square_ = 0;   // the sum of (hours - mean hours)^2
  double product_ = 0;  // the sum of (hours - mean hours) (value - mean)
  Hours first_{0}, last_{0};
};

}  // namespace edl::test
