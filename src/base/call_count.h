// SPDX-License-Identifier: Apache-2.0
// CallCount: how many calls into an object are still to come back, so that its owner can wait for the last.
// Lifetime: shared by the owner and every call, so that the last Leave() may outlive the owner's wait.
#pragma once

#include <atomic>
#include <cstdint>

#include "src/base/parking.h"

namespace edl {

class CallCount {
 public:
  void Enter() { count_.fetch_add(1, std::memory_order_seq_cst); }
  // The caller touches nothing of the owner's from here on.
  void Leave() {
    if (count_.fetch_sub(1, std::memory_order_seq_cst) == 1) parking_.Wake();
  }
  // One thread; nobody enters any more.
  void AwaitNone() {
    parking_.Await([this] { return count_.load(std::memory_order_seq_cst) == 0; });
  }

 private:
  std::atomic<std::int64_t> count_{0};
  Parking parking_;
};

}  // namespace edl
