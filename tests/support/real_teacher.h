// SPDX-License-Identifier: Apache-2.0
// RealTeachers: teachers in processes of their own that serve the rows of tests/support/rows.h: edl-teacher with a
// TorchScript file or, where this build has no libtorch, tests/integration/linear_teacher.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "edl/teachers.h"
#include "edl/testing/teacher_process.h"

namespace edl::test {

struct RealTeacherOptions {
  std::string port = "0";
  // Version 2 is another model: its soft labels are not those of rows.h.
  std::string version = "1";
  // edl-teacher and light teachers alone: where it keeps a lease of its own, as a teacher of the service "rows". Empty:
  // nowhere.
  std::string redis = "";
  // edl-teacher alone: more of its flags.
  std::vector<std::string> flags = {};
  // Light teachers alone: where students reach it, for its lease.
  std::string advertise = "";
};

using TeacherPtr = std::unique_ptr<testing::TeacherProcess>;

// Serves when it returns; a failure of the test, and null, when it does not.
TeacherPtr StartRealTeacher(const RealTeacherOptions& options = {});
// linear_teacher in any build: one that is started within a hundredth of a second. Null when it does not serve, as when
// the port is taken.
TeacherPtr StartLightTeacher(const RealTeacherOptions& options);
// `count` of StartRealTeacher, started together.
std::vector<TeacherPtr> StartRealTeachers(int count);

// The same teacher again, after its end.
TeacherPtr Restart(const testing::TeacherProcess& teacher);

std::vector<std::string> EndpointsOf(const std::vector<TeacherPtr>& teachers);
std::unique_ptr<TeacherWatcher> Watch(const std::vector<TeacherPtr>& teachers);

std::string PortOf(const std::string& endpoint);

}  // namespace edl::test
