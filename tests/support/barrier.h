// SPDX-License-Identifier: Apache-2.0
// Barrier: lets threads go on together, once all of them have come.
#pragma once

#include "src/base/mutex.h"

namespace edl::test {

class Barrier {
 public:
  explicit Barrier(int threads) : missing_(threads) {}

  void Wait() {
    MutexLock lock(mu_);
    if (--missing_ == 0) changed_.NotifyAll();
    while (missing_ > 0) changed_.Wait(mu_);
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int missing_ ABSL_GUARDED_BY(mu_);
};

}  // namespace edl::test
