// SPDX-License-Identifier: Apache-2.0
// TokenBucket: how often something costly may happen, as a share of what happens anyway, plus so many a second.
// Place: one bounds a reader's retries, one its hedges; time and events are the caller's.
// Thread-safety: any thread. It has a lock, and is not on the way of a request that goes well.
// Source: the retry throttling of gRPC (gRFC A6): successes earn what failures spend.
#pragma once

#include <cstdint>

#include "src/base/executor.h"
#include "src/base/mutex.h"

namespace edl {

class TokenBucket {
 public:
  struct Rates {
    double per_event = 0;
    double per_second = 0;
    double most = 1;  // that it holds, and holds at first
  };

  explicit TokenBucket(Rates rates) : rates_(rates), tokens_(rates.most) {}

  // Takes a token if there is one at `now`, when `events` have happened in all.
  bool TryTake(TimePoint now, std::int64_t events);
  // Gives back one that was not used.
  void PutBack();

 private:
  const Rates rates_;
  Mutex mu_;
  double tokens_ ABSL_GUARDED_BY(mu_);
  std::int64_t events_ ABSL_GUARDED_BY(mu_) = 0;
  TimePoint counted_ ABSL_GUARDED_BY(mu_) = TimePoint::max();  // until when; none yet
};

}  // namespace edl
