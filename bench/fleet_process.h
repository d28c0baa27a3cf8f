// SPDX-License-Identifier: Apache-2.0
// FleetProcess: many teachers that answer at once, in one process of their own, which is this program started again.
// Shapes: x and y INT64 [1, 1]; the answer is the question.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "edl/testing/teacher_process.h"

namespace edl::bench {

class FleetProcess {
 public:
  // Serves when it is made. The program's arguments "serve --teachers N --list FILE" must lead to ServeFleet.
  explicit FleetProcess(int teachers);

  int pid() const { return process_->pid(); }
  // The first so many.
  std::vector<std::string> endpoints(int teachers) const { return {endpoints_.begin(), endpoints_.begin() + teachers}; }

 private:
  std::unique_ptr<testing::TeacherProcess> process_;
  std::vector<std::string> endpoints_;
};

// The other process: writes the endpoints to `list`, one a line, and serves until it is killed.
[[noreturn]] void ServeFleet(int teachers, const std::string& list);

}  // namespace edl::bench
