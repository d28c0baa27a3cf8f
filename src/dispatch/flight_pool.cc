// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/flight_pool.h"

namespace edl {

Flight& FlightPool::Take() {
  Flight* flight = nullptr;
  if (free_.try_pop(flight)) return *flight;
  {
    MutexLock lock(mu_);
    const std::size_t size = size_.load(std::memory_order_relaxed);
    if (size < flights_.size()) {
      flights_[size] = std::make_unique<Flight>();
      size_.store(size + 1, std::memory_order_seq_cst);
      return *flights_[size];
    }
  }
  return *free_.pop();  // one is being given back: there are as many as can be in the air
}

}  // namespace edl
