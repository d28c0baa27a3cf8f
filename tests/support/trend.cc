// SPDX-License-Identifier: Apache-2.0
#include "tests/support/trend.h"

namespace edl::test {

void Trend::Add(Hours at, double value) {
  if (count_ == 0) first_ = at;
  last_ = at;
  ++count_;
  const double from_mean_hours = at.count() - mean_hours_;
  mean_hours_ += from_mean_hours / static_cast<double>(count_);
  mean_ += (value - mean_) / static_cast<double>(count_);
  square_ += from_mean_hours * (at.count() - mean_hours_);
  product_ += from_mean_hours * (value - mean_);
}

}  // namespace edl::test
