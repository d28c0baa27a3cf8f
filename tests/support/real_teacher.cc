// SPDX-License-Identifier: Apache-2.0
#include "tests/support/real_teacher.h"

#include <future>
#include <utility>

#include "gtest/gtest.h"

namespace edl::test {
namespace {

std::vector<std::string> CommandLine(const RealTeacherOptions& options) {
#ifdef EDL_TEACHER
  const std::string script = options.version == "1" ? ROWS_SCRIPT : OTHER_ROWS_SCRIPT;
  std::vector<std::string> line = {EDL_TEACHER, "--model", script, "--model-version", options.version};
  line.insert(line.end(), {"--host", "127.0.0.1", "--port", options.port, "--threads", "1", "--log-level", "err"});
  if (!options.redis.empty()) line.insert(line.end(), {"--redis", options.redis, "--service", "rows"});
  line.insert(line.end(), options.flags.begin(), options.flags.end());
  return line;
#else
  return {LINEAR_TEACHER, options.port, /*delay_us=*/"500", options.version};
#endif
}

}  // namespace

TeacherPtr StartRealTeacher(const RealTeacherOptions& options) {
  auto teacher = testing::TeacherProcess::Start(CommandLine(options));
  EXPECT_TRUE(teacher.ok()) << teacher.status();
  return teacher.ok() ? *std::move(teacher) : nullptr;
}

TeacherPtr StartLightTeacher(const RealTeacherOptions& options) {
  std::vector<std::string> line = {LINEAR_TEACHER, options.port, /*delay_us=*/"300", options.version};
  if (!options.redis.empty()) line.insert(line.end(), {options.redis, options.advertise});
  auto teacher = testing::TeacherProcess::Start(line);
  return teacher.ok() ? *std::move(teacher) : nullptr;
}

std::vector<TeacherPtr> StartRealTeachers(int count) {
  std::vector<std::future<TeacherPtr>> starting;
  for (int t = 0; t < count; ++t) {
    starting.push_back(std::async(std::launch::async, [] { return StartRealTeacher(); }));
  }
  std::vector<TeacherPtr> teachers;
  for (std::future<TeacherPtr>& teacher : starting) teachers.push_back(teacher.get());
  return teachers;
}

TeacherPtr Restart(const testing::TeacherProcess& teacher) {
  return StartRealTeacher({PortOf(teacher.endpoint())});
}

std::vector<std::string> EndpointsOf(const std::vector<TeacherPtr>& teachers) {
  std::vector<std::string> endpoints;
  for (const TeacherPtr& teacher : teachers) endpoints.push_back(teacher->endpoint());
  return endpoints;
}

std::unique_ptr<TeacherWatcher> Watch(const std::vector<TeacherPtr>& teachers) {
  return FixedTeachers(EndpointsOf(teachers));
}

std::string PortOf(const std::string& endpoint) {
  return endpoint.substr(endpoint.rfind(':') + 1);
}

}  // namespace edl::test
