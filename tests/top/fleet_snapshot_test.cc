// SPDX-License-Identifier: Apache-2.0
// What is taken from members' numbers, whatever stands there; and who teaches whom.
#include "src/top/fleet_snapshot.h"

#include "gmock/gmock.h"
#include "src/reader/student_numbers.h"
#include "src/registry/registry_view.h"

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
  lane.failed = 2;
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
  EXPECT_EQ(student.lanes[0].failed, 2);
  EXPECT_EQ(student.role, "student");
  EXPECT_EQ(student.rows, 100);
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

// The view that every student computes its share from.
TEST(FleetSnapshot, LeavesOutOfTheAssignmentWhomStudentsLeaveOut) {
  const std::string too_long(301, 'x');
  RegistryNews news;
  news.complete = true;
  ServiceSnapshot service;
  for (const auto& [endpoint, fact] : std::vector<std::pair<std::string, std::string>>{{"a:1", ""},
                                                                                       {"b:1", "serving 7"},
                                                                                       {"c:1", "draining 7"},
                                                                                       {"no endpoint", ""},
                                                                                       {"\xff:1", ""},
                                                                                       {too_long + ":1", ""},
                                                                                       {"d:1", "serving 0"},
                                                                                       {"e:1", "serving 1001"},
                                                                                       {"f:1", "serving much"},
                                                                                       {"g:1", "resting 1"}}) {
    news.members.push_back(NewsOf(MemberNews::Kind::kTeacher, endpoint, true, fact));
    TeacherEntry& teacher = service.teachers.emplace_back();
    teacher.endpoint = endpoint;
    ApplyFact(fact, teacher);
  }
  for (const std::string& name : {std::string("h:1:x/1"), std::string("h:2:y/0"), std::string("nonsense"),
                                  std::string("/3"), std::string("h/-1"), std::string("a b/0"), too_long + "/0"}) {
    news.members.push_back(NewsOf(MemberNews::Kind::kStudent, name, true, ""));
    StudentEntry& student = service.students.emplace_back();
    student.name = name;
    ApplyName(student);
  }
  RegistryView view;
  view.Apply(news);
  Assign(service);
  for (const TeacherEntry& teacher : service.teachers) {
    const auto viewed = view.teachers().find(teacher.endpoint);
    EXPECT_EQ(teacher.state == "left out", viewed == view.teachers().end()) << teacher.endpoint;
    EXPECT_EQ(teacher.left_out.empty(), viewed != view.teachers().end()) << teacher.endpoint;
    if (viewed == view.teachers().end()) {
      EXPECT_THAT(teacher.students, IsEmpty()) << teacher.endpoint;
    } else {
      EXPECT_EQ(teacher.weight, viewed->second.weight);
      EXPECT_EQ(teacher.state, viewed->second.state == TeacherState::kServing ? "serving" : "draining");
    }
  }
  for (const StudentEntry& student : service.students) {
    EXPECT_EQ(student.left_out.empty(), view.students().count(student.name) == 1) << student.name;
    EXPECT_EQ(student.teachers.empty(), view.students().count(student.name) == 0) << student.name;
  }
}

TEST(FleetSnapshot, AssignsAsStudentsDo) {
  ServiceSnapshot service;
  for (const char* endpoint : {"a:1", "b:1", "c:1"}) service.teachers.emplace_back().endpoint = endpoint;
  service.teachers[2].state = "draining";
  for (const char* name : {"h:1:x/1", "h:2:y/0", "nonsense"}) {
    StudentEntry& student = service.students.emplace_back();
    student.name = name;
    ApplyName(student);
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
