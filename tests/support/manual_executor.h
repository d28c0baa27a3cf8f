// SPDX-License-Identifier: Apache-2.0
// ManualExecutor: an Executor whose time a test moves by hand, on the test's own thread.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "src/base/executor.h"

namespace edl::test {

class ManualExecutor final : public Executor {
 public:
  TimePoint Now() const override { return now_; }
  void PostAt(TimePoint time, std::function<void()> task) override { tasks_.emplace(time, std::move(task)); }

  // Runs what is due now, and what that posts.
  void RunDue() { Advance(std::chrono::milliseconds(0)); }

  // Moves time, stopping at each task on the way.
  void Advance(std::chrono::milliseconds time) {
    const TimePoint until = now_ + time;
    while (!tasks_.empty() && tasks_.begin()->first <= until) {
      auto first = tasks_.begin();
      now_ = std::max(now_, first->first);
      std::function<void()> task = std::move(first->second);
      tasks_.erase(first);
      task();
    }
    now_ = until;
  }

 private:
  TimePoint now_{std::chrono::hours(1)};
  std::multimap<TimePoint, std::function<void()>> tasks_;
};

}  // namespace edl::test
