// SPDX-License-Identifier: Apache-2.0
// Cancellation: says, once, that nobody wants the results of some work any more.
// Thread-safety: any thread.
#pragma once

#include <atomic>

namespace edl {

class Cancellation {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_seq_cst); }
  bool cancelled() const { return cancelled_.load(std::memory_order_seq_cst); }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace edl
