// SPDX-License-Identifier: Apache-2.0
// What is taken from members' numbers, whatever stands there; and who teaches whom.
#include "src/top/fleet_snapshot.h"

#include "gmock/gmock.h"
#include "src/reader/student_numbers.h"

namespace edl {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(FleetSnapshot, TakesWhatAStudentSays) {
  ReaderStats stats;
  stats.wall = std::chrono::seconds(2);
  stats.rows = 100;
  stats.student.waited_for_teachers = std::chrono::seconds(1);
  LaneStats lane;
  lane.endpoint = "a:1";
  lane.state = "ready";
  lane.window = 4;
  stats.lanes = {lane};
  StudentEntry student;
  ApplyNumbers(StudentNumbers().ToJson(stats), student);
  EXPECT_EQ(student.rows_per_s, 50);
  EXPECT_EQ(student.waited_for_teachers, 0.5);
  EXPECT_EQ(student.waited, 0.5);
  EXPECT_EQ(student.verdict.substr(0, 13), "teacher-bound");
  ASSERT_THAT(student.lanes, SizeIs(1));
  EXPECT_EQ(student.lanes[0].endpoint, "a:1");
  EXPECT_EQ(student.lanes[0].window, 4);
  EXPECT_EQ(student.lanes[0].latency_ms, std::nullopt);
}

TEST(FleetSnapshot, LeavesOutWhatMakesNoSense) {
  for (const char* text : {"", "{", "[]", "7", "\"text\"", "{\"rows_per_s\":", "\xff\x00", "{\"lanes\":{\"a\":1}}",
                           "{\"rows_per_s\":\"7\",\"in_flight\":-1,\"device\":7,\"verdict\":[],\"lanes\":[1,[],null]}",
                           "{\"rows_per_s\":1e999}", "[[[[[[[[[[[[[[[[[[[["}) {
    TeacherEntry teacher;
    ApplyNumbers(text, teacher);
    EXPECT_EQ(teacher.rows_per_s, std::nullopt) << text;
    EXPECT_EQ(teacher.in_flight, std::nullopt) << text;
    EXPECT_EQ(teacher.device, "") << text;
    StudentEntry student;
    ApplyNumbers(text, student);
    EXPECT_EQ(student.rows_per_s, std::nullopt) << text;
    EXPECT_EQ(student.verdict, "") << text;
    EXPECT_THAT(student.lanes, IsEmpty()) << text;
  }
}

TEST(FleetSnapshot, CutsLongTexts) {
  TeacherEntry teacher;
  ApplyNumbers("{\"device\":\"" + std::string(5000, 'x') + "\"}", teacher);
  EXPECT_THAT(teacher.device, SizeIs(kLongestText));
}

TEST(FleetSnapshot, AssignsAsStudentsDo) {
  ServiceSnapshot service;
  for (const char* endpoint : {"a:1", "b:1", "c:1"}) service.teachers.emplace_back().endpoint = endpoint;
  service.teachers[2].state = "draining";
  for (const char* name : {"h:1:x/1", "h:2:y/0", "nonsense"}) {
    StudentEntry& student = service.students.emplace_back();
    student.name = name;
    student.max_teachers = LimitOf(name);
  }
  Assign(service);
  EXPECT_THAT(service.students[0].teachers, SizeIs(1));
  EXPECT_THAT(service.students[1].teachers, SizeIs(1));
  EXPECT_THAT(service.students[2].teachers, IsEmpty());
  EXPECT_THAT(service.teachers[0].students, SizeIs(1));
  EXPECT_THAT(service.teachers[1].students, SizeIs(1));
  EXPECT_THAT(service.teachers[2].students, IsEmpty());
  EXPECT_EQ(service.students[0].teachers[0] == "a:1" ? "h:1:x/1" : "h:2:y/0", service.teachers[0].students[0]);
}

}  // namespace
}  // namespace edl
