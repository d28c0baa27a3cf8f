// SPDX-License-Identifier: Apache-2.0
// Teachers: where a reader's teachers come from.
// Place: given to DistillReader::Create; the dispatcher follows the sets that the watcher tells.
// Errors: INVALID_ARGUMENT from DistillReader::Create - no endpoint, the same one twice, or one that is none.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace edl {

// The teachers of the moment. An endpoint is "host:port", "[ipv6]:port", "dns:///name:port" (one teacher, at one of the
// name's addresses) or "unix:/path".
struct TeacherSet {
  std::vector<std::string> endpoints;
};

// Tells who the teachers are, and again whenever that changes. Write one for a discovery service of your own.
class TeacherWatcher {
 public:
  // Stops telling: no call of `on_change` is running or will come when it returns.
  virtual ~TeacherWatcher() = default;

  // Called once. Calls `on_change`, now or later, from any thread, one call at a time.
  virtual absl::Status Start(std::function<void(const TeacherSet&)> on_change) = 0;

  // For DistillReader::ConfigString: where the teachers come from.
  virtual std::string ToString() const { return "(a watcher of the program's own)"; }
};

// Always the same teachers. One that dies is tried again for as long as the reader lives.
std::unique_ptr<TeacherWatcher> FixedTeachers(std::vector<std::string> endpoints);

}  // namespace edl
