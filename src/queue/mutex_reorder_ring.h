// SPDX-License-Identifier: Apache-2.0
// MutexReorderRing: ReorderRing's twin with a lock around everything, too simple to be wrong.
// Place: the stress test runs both, and the bench measures both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/base/mutex.h"

namespace edl {

template <typename T>
class MutexReorderRing {
 public:
  explicit MutexReorderRing(std::size_t capacity) : slots_(capacity) {}

  void Put(std::uint64_t number, std::unique_ptr<T> item) {
    MutexLock lock(mu_);
    slots_[number % slots_.size()] = std::move(item);
    changed_.NotifyAll();
  }

  std::unique_ptr<T> TryTake() {
    MutexLock lock(mu_);
    return TakeHead();
  }

  std::unique_ptr<T> Take() {
    MutexLock lock(mu_);
    while (slots_[head_ % slots_.size()] == nullptr && !closed_) changed_.Wait(mu_);
    return TakeHead();
  }

  void Close() {
    MutexLock lock(mu_);
    closed_ = true;
    changed_.NotifyAll();
  }

 private:
  std::unique_ptr<T> TakeHead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::unique_ptr<T>& slot = slots_[head_ % slots_.size()];
    if (slot != nullptr) ++head_;
    return std::move(slot);
  }

  Mutex mu_;
  CondVar changed_;
  std::vector<std::unique_ptr<T>> slots_ ABSL_GUARDED_BY(mu_);
  std::uint64_t head_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace edl
