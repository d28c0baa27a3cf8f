// SPDX-License-Identifier: Apache-2.0
// StopSignal: the first SIGTERM or SIGINT as a wish to stop, which the training obeys where it can write a checkpoint;
// the same signal a second time ends the process at once.
// Thread-safety: one of it in a process. requested(): any thread; `on_stop` runs on a thread of its own.
#pragma once

#include <functional>
#include <thread>

namespace resnet {

class StopSignal {
 public:
  explicit StopSignal(std::function<void()> on_stop);
  ~StopSignal();  // waits for on_stop; from then on the signals end the process
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;

 private:
  const std::function<void()> on_stop_;
  std::thread thread_;
};

}  // namespace resnet
