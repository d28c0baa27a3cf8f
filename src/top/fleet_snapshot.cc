// SPDX-License-Identifier: Apache-2.0
#include "src/top/fleet_snapshot.h"

#include <cmath>

#include "nlohmann/json.hpp"
#include "src/registry/assignment.h"
#include "src/registry/registry_view.h"

namespace edl {
namespace {

using Json = nlohmann::json;

// A student's name and what it teaches may be repeated by many: more lanes than fit into its numbers are not ours.
constexpr std::size_t kMostLanes = 256;

std::optional<double> Number(const Json& json, const char* key) {
  auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

void TakeText(const Json& json, const char* key, std::string& text) {
  auto found = json.find(key);
  if (found != json.end() && found->is_string()) text = found->get_ref<const std::string&>().substr(0, kLongestText);
}

Json Parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

LaneEntry LaneOf(const Json& json) {
  LaneEntry lane;
  TakeText(json, "endpoint", lane.endpoint);
  TakeText(json, "state", lane.state);
  lane.in_flight = Number(json, "in_flight");
  lane.window = Number(json, "window");
  lane.rows_per_s = Number(json, "rows_per_s");
  lane.failed = Number(json, "failed");
  lane.latency_ms = Number(json, "latency_ms");
  return lane;
}

}  // namespace

void ApplyNumbers(const std::string& text, TeacherEntry& teacher) {
  const Json json = Parse(text);
  TakeText(json, "role", teacher.role);
  TakeText(json, "model", teacher.model);
  TakeText(json, "version", teacher.version);
  TakeText(json, "device", teacher.device);
  teacher.uptime_s = Number(json, "uptime_s");
  teacher.rows = Number(json, "rows");
  teacher.rows_per_s = Number(json, "rows_per_s");
  teacher.in_flight = Number(json, "in_flight");
  teacher.queued = Number(json, "queued");
  teacher.p50_ms = Number(json, "p50_ms");
  teacher.p99_ms = Number(json, "p99_ms");
  teacher.answered = Number(json, "answered");
  teacher.failed = Number(json, "failed");
  teacher.refused = Number(json, "refused");
}

void ApplyNumbers(const std::string& text, StudentEntry& student) {
  const Json json = Parse(text);
  TakeText(json, "role", student.role);
  TakeText(json, "verdict", student.verdict);
  student.uptime_s = Number(json, "uptime_s");
  student.rows = Number(json, "rows");
  student.rows_per_s = Number(json, "rows_per_s");
  student.retried = Number(json, "retried");
  student.hedged = Number(json, "hedged");
  student.waited = Number(json, "waited");
  student.waited_for_teachers = Number(json, "waited_for_teachers");
  student.waited_for_network = Number(json, "waited_for_network");
  student.waited_for_head_of_line = Number(json, "waited_for_head_of_line");
  student.waited_for_source = Number(json, "waited_for_source");
  student.source_waited_for_student = Number(json, "source_waited_for_student");
  student.more_lanes = Number(json, "more_lanes");
  student.lanes.clear();
  auto lanes = json.find("lanes");
  if (lanes == json.end() || !lanes->is_array()) return;
  for (const Json& lane : *lanes) {
    if (lane.is_object() && student.lanes.size() < kMostLanes) student.lanes.push_back(LaneOf(lane));
  }
}

void ApplyFact(const std::string& fact, TeacherEntry& teacher) {
  const absl::StatusOr<ViewedTeacher> viewed =
      ParseTeacher(NewsOf(MemberNews::Kind::kTeacher, teacher.endpoint, /*listed=*/true, fact));
  const bool expired = teacher.state == "expired";
  if (!viewed.ok()) {
    teacher.left_out = std::string(viewed.status().message());
    if (!expired) teacher.state = "left out";
    return;
  }
  teacher.weight = viewed->weight;
  if (!expired && viewed->state == TeacherState::kDraining) teacher.state = "draining";
}

void ApplyName(StudentEntry& student) {
  const absl::StatusOr<int> limit = ParseStudent(student.name);
  if (limit.ok()) {
    student.max_teachers = *limit;
  } else {
    student.left_out = std::string(limit.status().message());
  }
}

void Assign(ServiceSnapshot& service) {
  std::vector<AssignedTeacher> teachers;
  std::vector<TeacherEntry*> teacher_of;
  for (TeacherEntry& teacher : service.teachers) {
    teacher.students.clear();
    if (teacher.state != "serving") continue;
    teachers.push_back({teacher.endpoint, teacher.weight});
    teacher_of.push_back(&teacher);
  }
  std::vector<AssignedStudent> students;
  std::vector<StudentEntry*> student_of;
  for (StudentEntry& student : service.students) {
    student.teachers.clear();
    if (student.expired || !student.max_teachers) continue;
    students.push_back({student.name, *student.max_teachers});
    student_of.push_back(&student);
  }
  const std::vector<std::vector<std::size_t>> shares = AssignTeachers(teachers, students);
  for (std::size_t s = 0; s < shares.size(); ++s) {
    for (std::size_t t : shares[s]) {
      student_of[s]->teachers.push_back(teachers[t].id);
      teacher_of[t]->students.push_back(students[s].id);
    }
  }
}

}  // namespace edl
