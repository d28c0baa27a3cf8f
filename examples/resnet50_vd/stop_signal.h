// SPDX-License-Identifier: Apache-2.0
// StopSignal: the first SIGTERM or SIGINT as a wish to stop, which the training obeys where it can write a checkpoint;
// the same signal a second time ends the process at once.
// Thread-safety: one of it in a process. requested(): any thread. Hooks: one at a time.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

namespace resnet {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();  // from then on the signals end the process
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;

  // Runs `on_stop` when the signal comes, on a thread of its own, or at once when it has come already: for what waits
  // and looks at requested() too late. Not running, and never again, when the hook is gone.
  class Hook {
   public:
    Hook(StopSignal& signal, std::function<void()> on_stop);
    ~Hook();
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

   private:
    StopSignal& signal_;
  };

 private:
  void RunHook();

  std::mutex mu_;
  std::function<void()> on_stop_;  // guarded by mu_, which is held while it runs
  std::thread thread_;
};

}  // namespace resnet
