// SPDX-License-Identifier: Apache-2.0
// LaneTable: all lanes of a reader, those that were closed too; read without a lock while the keeper adds to it.
// Thread-safety: Add: the keeper's thread. The rest: any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "src/dispatch/lane.h"

namespace edl {

class LaneTable {
 public:
  // So many endpoints can one reader meet in its life; a lane is never taken away, so that readers need no lock.
  static constexpr std::size_t kCapacity = 4096;

  LaneTable() : lanes_(kCapacity) {}

  // Null when the table is full.
  Lane* Add(std::unique_ptr<Lane> lane) {
    std::size_t size = size_.load(std::memory_order_relaxed);
    if (size == kCapacity) return nullptr;
    lanes_[size] = std::move(lane);
    size_.store(size + 1, std::memory_order_seq_cst);  // with it, readers see the lane
    return lanes_[size].get();
  }

  std::size_t size() const { return size_.load(std::memory_order_seq_cst); }
  Lane& operator[](std::size_t i) const { return *lanes_[i]; }

  // The ready lane with the fewest requests in flight and room for one more, or null.
  Lane* LeastLoaded() const {
    Lane* best = nullptr;
    for (std::size_t i = 0, n = size(); i < n; ++i) {
      Lane& lane = *lanes_[i];
      if (lane.HasRoom() && (best == nullptr || lane.in_flight() < best->in_flight())) best = &lane;
    }
    return best;
  }

  // Is there a lane of which `condition(lane)` is true?
  template <typename Condition>
  bool Any(Condition condition) const {
    for (std::size_t i = 0, n = size(); i < n; ++i) {
      if (condition(*lanes_[i])) return true;
    }
    return false;
  }

 private:
  std::vector<std::unique_ptr<Lane>> lanes_;  // [0, size_) are constant
  std::atomic<std::size_t> size_{0};          // written by the keeper's thread, release
};

}  // namespace edl
