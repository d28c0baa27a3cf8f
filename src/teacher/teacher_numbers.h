// SPDX-License-Identifier: Apache-2.0
// TeacherNumbers: how a teacher does, as the JSON that it shows in the registry (docs/registry.md says the fields).
// Place: takes what the server counts; what it gives goes to LeaseOptions::numbers, and so to edl-top.
// Rules: the rate is that of the time since the call before, as one who watches expects. The text is bounded, as long
//        as the names are.
// Thread-safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "edl/model.h"
#include "src/base/executor.h"
#include "src/teacher/server_stats.h"

namespace edl {

class TeacherNumbers {
 public:
  // `device`: where the model computes, as its user called it.
  TeacherNumbers(const ModelInfo& model, const std::string& device, TimePoint started);

  std::string ToJson(const ServerStats& stats, TimePoint now);

 private:
  const std::string model_;
  const std::string version_;
  const std::string device_;
  const TimePoint started_;
  TimePoint last_;
  std::int64_t rows_ = 0;  // by then
};

}  // namespace edl
