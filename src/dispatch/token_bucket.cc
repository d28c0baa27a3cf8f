// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/token_bucket.h"

#include <algorithm>
#include <chrono>

namespace edl {

bool TokenBucket::TryTake(TimePoint now, std::int64_t events) {
  MutexLock lock(mu_);
  // Threads come with slightly old times and counts.
  double seconds = counted_ < now ? std::chrono::duration<double>(now - counted_).count() : 0;
  double happened = static_cast<double>(std::max<std::int64_t>(events - events_, 0));
  tokens_ = std::min(rates_.most, tokens_ + rates_.per_event * happened + rates_.per_second * seconds);
  counted_ = counted_ == TimePoint::max() ? now : std::max(counted_, now);
  events_ = std::max(events_, events);
  // Ten times a tenth is a little less than one.
  if (tokens_ < 1 - 1e-9) return false;
  tokens_ -= 1;
  return true;
}

void TokenBucket::PutBack() {
  MutexLock lock(mu_);
  tokens_ = std::min(rates_.most, tokens_ + 1);
}

}  // namespace edl
