// SPDX-License-Identifier: Apache-2.0
// TeacherProcess: a teacher in a process of its own, that a test or a demo starts, stops and kills with real signals.
// Errors: Start: UNAVAILABLE - the program cannot be run, or ends before it serves; DEADLINE_EXCEEDED - it does not
//         serve in time. Both say what it wrote last.
// Thread-safety: one thread at a time, but Kill, which any thread may call.
// Lifetime: the process is killed and reaped with this object. If this process dies first, the kernel kills it, too.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace edl::testing {

class TeacherProcess {
 public:
  // Runs arguments[0], a path, with the other arguments. Returns when it has written a line of the form
  // "serving … at HOST:PORT" to its standard output, as edl-teacher does. What it writes there later is read and
  // dropped.
  static absl::StatusOr<std::unique_ptr<TeacherProcess>> Start(
      const std::vector<std::string>& arguments, std::chrono::milliseconds timeout = std::chrono::seconds(60));

  virtual ~TeacherProcess() = default;

  // "127.0.0.1:43210"
  virtual const std::string& endpoint() const = 0;
  virtual int pid() const = 0;

  // SIGKILL; returns when the process is gone.
  virtual void Kill() = 0;
  // SIGTERM: it may finish what it has accepted. Does not wait.
  virtual void Terminate() = 0;
  // SIGSTOP and SIGCONT: it hangs, and goes on.
  virtual void Pause() = 0;
  virtual void Resume() = 0;

  // Waits for its end. Its exit status, or -N when signal N ended it.
  virtual int Wait() = 0;
};

}  // namespace edl::testing
