// SPDX-License-Identifier: Apache-2.0
// FlightPool: the memory of flights, which is used again and never freed, so that one thread may look through all of
// them while others begin and end.
// Thread-safety: any thread. Take locks only while the pool grows to as many as were ever in the air at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "atomic_queue/atomic_queue.h"
#include "src/base/mutex.h"
#include "src/dispatch/flight.h"

namespace edl {

class FlightPool {
 public:
  // At most `capacity` are in the air at a time.
  explicit FlightPool(std::size_t capacity) : flights_(capacity), free_(static_cast<unsigned>(capacity)) {}

  // One that nobody holds.
  Flight& Take();
  // The caller's hold on it ends.
  void LetGo(Flight& flight) {
    if (flight.LetGo()) free_.push(&flight);
  }

  // Calls `look(flight)` for each flight in the air; it is held meanwhile.
  template <typename Look>
  void ForEach(Look look) {
    for (std::size_t i = 0, n = size_.load(std::memory_order_seq_cst); i < n; ++i) {
      Flight& flight = *flights_[i];
      if (!flight.TryHold()) continue;
      look(flight);
      LetGo(flight);
    }
  }

 private:
  std::vector<std::unique_ptr<Flight>> flights_;  // [0, size_) are constant
  std::atomic<std::size_t> size_{0};              // written under mu_
  atomic_queue::AtomicQueueB<Flight*> free_;
  Mutex mu_;
};

}  // namespace edl
