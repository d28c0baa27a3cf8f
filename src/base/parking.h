// SPDX-License-Identifier: Apache-2.0
// Parking: one thread sleeps until others make a condition true; nobody pays for a wake-up when nobody sleeps.
// Thread-safety: one sleeper at a time; any thread wakes.
//
// Invariant (Dekker): the sleeper sets `sleeping_`, then reads the condition; a waker changes what the condition reads,
// then reads `sleeping_`. All four are sequentially consistent, so at least one of the two sees the other: either the
// sleeper finds the condition true, or the waker finds it sleeping and takes the mutex, which the sleeper holds from
// before its last look until it waits.
#pragma once

#include <atomic>

#include "src/base/mutex.h"

namespace edl {

class Parking {
 public:
  // Returns when `ready()` is true. It must read atomics that are written seq_cst before Wake().
  template <typename Ready>
  void Await(Ready ready) {
    MutexLock lock(mu_);
    sleeping_.store(true, std::memory_order_seq_cst);
    while (!ready()) changed_.Wait(mu_);
    sleeping_.store(false, std::memory_order_relaxed);
  }

  void Wake() {
    if (!sleeping_.load(std::memory_order_seq_cst)) return;
    MutexLock lock(mu_);
    changed_.NotifyOne();
  }

 private:
  std::atomic<bool> sleeping_{false};  // written by the sleeper, read by wakers
  Mutex mu_;
  CondVar changed_;
};

}  // namespace edl
