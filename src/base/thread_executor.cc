// SPDX-License-Identifier: Apache-2.0
#include "src/base/thread_executor.h"

#include <utility>

namespace edl {

ThreadExecutor::ThreadExecutor(const std::string& name) : thread_(name, [this] { Run(); }) {}

void ThreadExecutor::PostAt(TimePoint time, std::function<void()> task) {
  MutexLock lock(mu_);
  if (stopping_) return;
  bool first = tasks_.empty() || time < tasks_.begin()->first;
  tasks_.emplace(time, std::move(task));
  if (first) changed_.NotifyOne();
}

void ThreadExecutor::Shutdown() {
  std::multimap<TimePoint, std::function<void()>> dropped;  // destroyed outside the lock: a task may own anything
  {
    MutexLock lock(mu_);
    stopping_ = true;
    dropped.swap(tasks_);
    changed_.NotifyOne();
  }
  thread_.Join();
}

void ThreadExecutor::Run() {
  mu_.Lock();
  while (!stopping_) {
    if (tasks_.empty()) {
      changed_.Wait(mu_);
    } else if (TimePoint due = tasks_.begin()->first; due > Now()) {
      changed_.WaitUntil(mu_, due);
    } else {
      std::function<void()> task = std::move(tasks_.begin()->second);
      tasks_.erase(tasks_.begin());
      mu_.Unlock();
      task();
      task = nullptr;
      mu_.Lock();
    }
  }
  mu_.Unlock();
}

}  // namespace edl
