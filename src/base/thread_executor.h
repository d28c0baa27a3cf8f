// SPDX-License-Identifier: Apache-2.0
// ThreadExecutor: an Executor on one thread of its own and the steady clock.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "src/base/executor.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"

namespace edl {

class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(const std::string& name);
  ~ThreadExecutor() override { Shutdown(); }

  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
  void PostAt(TimePoint time, std::function<void()> task) override;

  // Waits for the task that runs, drops the others, and joins the thread. Not from a task.
  void Shutdown();

 private:
  void Run();

  Mutex mu_;
  CondVar changed_;
  std::multimap<TimePoint, std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl
