// SPDX-License-Identifier: Apache-2.0
// StudentNumbers: how a student does, as the JSON that it shows in the registry (docs/registry.md says the fields).
// Place: takes ReaderStats; what it gives goes to the watcher of teachers, and so to edl-top.
// Rules: rates and shares are those of the time since the call before, as one who watches expects. The text is bounded:
//        lanes that have no room are counted, in `more_lanes`.
// Thread-safety: one thread at a time.
#pragma once

#include <string>

#include "edl/stats.h"

namespace edl {

class StudentNumbers {
 public:
  std::string ToJson(ReaderStats stats);

 private:
  ReaderStats last_;  // as given the last time
};

}  // namespace edl
