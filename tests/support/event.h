// SPDX-License-Identifier: Apache-2.0
// Event: something that happens once, and that others wait for.
#pragma once

#include <chrono>

#include "src/base/mutex.h"

namespace edl {

class Event {
 public:
  void Set() {
    MutexLock lock(mu_);
    set_ = true;
    changed_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mu_);
    while (!set_) changed_.Wait(mu_);
  }
  // Until it is set, or `time` is over.
  void WaitFor(std::chrono::microseconds time) {
    auto until = std::chrono::steady_clock::now() + time;
    MutexLock lock(mu_);
    while (!set_ && std::chrono::steady_clock::now() < until) changed_.WaitUntil(mu_, until);
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace edl
