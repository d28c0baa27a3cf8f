// SPDX-License-Identifier: Apache-2.0
// Executor: runs small tasks one after the other, now or at a time; and is the clock of those who use it.
// Place: control work (opening, ejecting, probing lanes) runs here, so that it needs no locks among itself.
// Thread-safety: any thread may post. Tasks run one at a time, in the order of their times.
#pragma once

#include <chrono>
#include <functional>

namespace edl {

using TimePoint = std::chrono::steady_clock::time_point;

class Executor {
 public:
  virtual ~Executor() = default;
  virtual TimePoint Now() const = 0;
  // Tasks posted for one time run in the order of posting. A task posted after Shutdown() is dropped.
  virtual void PostAt(TimePoint time, std::function<void()> task) = 0;
  void Post(std::function<void()> task) { PostAt(TimePoint::min(), std::move(task)); }
};

}  // namespace edl
