// SPDX-License-Identifier: Apache-2.0
// TeacherShare: which teachers are one student's, and which losses it believes.
// Place: takes the view of RedisTeachers; gives the set that is told to the reader.
// Rules, for the registry is a hint and never the truth:
//   - the share is the assignment of the teachers that are listed as serving; a draining one is nobody's;
//   - a teacher whose lease ran out is let go, unless more than half of the teachers vanished within `at_once`: so many
//     do not die together, the registry is in trouble. Then the student keeps those of them that it has, behind its
//     share, for `grace`, or for as long as no teacher is listed at all. Dispatch finds out which of them serve;
//   - while everybody registers anew after an outage (`settled` is in the future) nothing changes for as long as any
//     teacher or student is missing;
//   - one that took itself out, or was draining when it was seen last, has left, whatever the others do.
// Thread-safety: one thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "edl/teachers.h"
#include "src/base/executor.h"
#include "src/registry/registry_view.h"

namespace edl {

class TeacherShare {
 public:
  TeacherShare(std::string student, int max_teachers, std::chrono::milliseconds at_once,
               std::chrono::milliseconds grace);

  // The set to tell, if it differs from the last one. Call it at every news, and at `next_look`; the caller may then
  // let the view forget who left.
  std::optional<TeacherSet> Update(const RegistryView& view, TimePoint now, TimePoint settled);

  // When time alone may change the set; nothing when it cannot.
  std::optional<TimePoint> next_look() const { return next_look_; }

 private:
  struct Known {
    bool draining = false;
    std::optional<TimePoint> lost;  // since when it is not listed
    bool kept = false;              // too many were lost with it
  };

  void NoteLosses(const RegistryView& view, TimePoint now);
  void DoubtLosses(std::size_t listed, TimePoint now);
  void ForgetLost(bool any_listed, TimePoint now);
  std::vector<std::string> Assigned(const RegistryView& view) const;

  const std::string student_;
  const int max_teachers_;
  const std::chrono::milliseconds at_once_;
  const std::chrono::milliseconds grace_;

  std::map<std::string, Known> known_;
  std::size_t students_ = 0;  // at the last update that was acted upon
  std::vector<std::string> told_;
  std::optional<TimePoint> next_look_;
};

}  // namespace edl
