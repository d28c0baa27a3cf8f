// SPDX-License-Identifier: Apache-2.0
// LaneTable: all lanes of a reader, those that were closed too; read without a lock while the keeper adds to it. A lane
// stays in it, so that readers need no lock; the keeper uses those that are vacant again.
// Thread-safety: Add: the keeper's thread. The rest: any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "src/dispatch/lane.h"

namespace edl {

class LaneTable {
 public:
  // So many teachers can one reader have at a time.
  static constexpr std::size_t kCapacity = 4096;

  explicit LaneTable(std::size_t capacity = kCapacity) : lanes_(capacity) {}

  // It is not full.
  Lane& Add(std::unique_ptr<Lane> lane) {
    std::size_t size = size_.load(std::memory_order_relaxed);
    lanes_[size] = std::move(lane);
    size_.store(size + 1, std::memory_order_seq_cst);  // with it, readers see the lane
    return *lanes_[size];
  }
  bool full() const { return size() == lanes_.size(); }

  std::size_t size() const { return size_.load(std::memory_order_seq_cst); }
  Lane& operator[](std::size_t i) const { return *lanes_[i]; }

  // The ready lane, with room for one more, that will likely answer it first; null if none has room.
  Lane* Quickest(TimePoint now) const {
    Lane* best = nullptr;
    std::pair<double, int> best_wait;
    for (std::size_t i = 0, n = size(); i < n; ++i) {
      Lane& lane = *lanes_[i];
      if (!lane.HasRoom()) continue;
      std::pair<double, int> wait = ExpectedWait(lane, now);
      if (best != nullptr && wait >= best_wait) continue;
      best = &lane;
      best_wait = wait;
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
  // To compare lanes by; then by what they have in flight. One that has not answered anything yet is given a try, one;
  // and so is one that was slow, when it has had nothing to do for so long that it may be so no more.
  static std::pair<double, int> ExpectedWait(const Lane& lane, TimePoint now) {
    constexpr int kTrustFor = 16;  // times its latency: a teacher that stays slow costs one slow request in so many
    const int in_flight = lane.in_flight();
    const std::chrono::nanoseconds latency = lane.recent_latency();
    if (latency.count() == 0 && in_flight > 0) return {std::numeric_limits<double>::max(), in_flight};
    if (const std::optional<TimePoint> idle = lane.idle_since(); idle && now - *idle > kTrustFor * latency)
      return {0, 0};
    return {(in_flight + 1) * static_cast<double>(latency.count()), in_flight};
  }

  std::vector<std::unique_ptr<Lane>> lanes_;  // [0, size_) are constant
  std::atomic<std::size_t> size_{0};          // written by the keeper's thread, release
};

}  // namespace edl
