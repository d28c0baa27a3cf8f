// SPDX-License-Identifier: Apache-2.0
#include "src/top/report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "src/top/fleet_table.h"

namespace edl {
namespace {

using Json = nlohmann::ordered_json;

// Lines end where their text does.
void AppendTable(const Table& table, int width, std::string& report) {
  const std::vector<int> widths = table.Widths(width);
  std::vector<std::string> lines = {table.Titles(widths)};
  for (const Row& row : table.rows) lines.push_back(table.Line(row.cells, widths));
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&report, line, "\n");
  }
}

template <typename Value>
void Put(Json& json, const char* key, const std::optional<Value>& value) {
  if (value) json[key] = *value;
}

void Put(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

Json JsonOf(const TeacherEntry& teacher) {
  Json json = {{"endpoint", teacher.endpoint}, {"state", teacher.state}, {"weight", teacher.weight}};
  Put(json, "left_out", teacher.left_out);
  Put(json, "info", teacher.info);
  Put(json, "role", teacher.role);
  Put(json, "model", teacher.model);
  Put(json, "version", teacher.version);
  Put(json, "device", teacher.device);
  Put(json, "uptime_s", teacher.uptime_s);
  Put(json, "rows", teacher.rows);
  Put(json, "rows_per_s", teacher.rows_per_s);
  Put(json, "in_flight", teacher.in_flight);
  Put(json, "queued", teacher.queued);
  Put(json, "p50_ms", teacher.p50_ms);
  Put(json, "p99_ms", teacher.p99_ms);
  Put(json, "answered", teacher.answered);
  Put(json, "failed", teacher.failed);
  Put(json, "refused", teacher.refused);
  json["students"] = teacher.students;
  return json;
}

Json JsonOf(const LaneEntry& lane) {
  Json json = {{"endpoint", lane.endpoint}, {"state", lane.state}};
  Put(json, "in_flight", lane.in_flight);
  Put(json, "window", lane.window);
  Put(json, "rows_per_s", lane.rows_per_s);
  Put(json, "failed", lane.failed);
  Put(json, "latency_ms", lane.latency_ms);
  return json;
}

Json JsonOf(const StudentEntry& student) {
  Json json = {{"name", student.name}, {"expired", student.expired}};
  Put(json, "max_teachers", student.max_teachers);
  Put(json, "left_out", student.left_out);
  Put(json, "role", student.role);
  Put(json, "verdict", student.verdict);
  Put(json, "uptime_s", student.uptime_s);
  Put(json, "rows", student.rows);
  Put(json, "rows_per_s", student.rows_per_s);
  Put(json, "waited", student.waited);
  Put(json, "waited_for_teachers", student.waited_for_teachers);
  Put(json, "waited_for_network", student.waited_for_network);
  Put(json, "waited_for_head_of_line", student.waited_for_head_of_line);
  Put(json, "waited_for_source", student.waited_for_source);
  Put(json, "source_waited_for_student", student.source_waited_for_student);
  Put(json, "retried", student.retried);
  Put(json, "hedged", student.hedged);
  json["teachers"] = student.teachers;
  json["lanes"] = Json::array();
  for (const LaneEntry& lane : student.lanes) json["lanes"].push_back(JsonOf(lane));
  Put(json, "more_lanes", student.more_lanes);
  return json;
}

}  // namespace

std::string PlainReport(const WholeFleet& fleet, int width) {
  std::string report;
  for (const ServiceSnapshot& service : fleet.services) {
    absl::StrAppend(&report, report.empty() ? "" : "\n", "service ", Printable(service.name), ": ",
                    service.teachers.size() + static_cast<std::size_t>(service.more_teachers), " teachers, ",
                    service.students.size() + static_cast<std::size_t>(service.more_students), " students\n");
    if (service.teachers.empty() && service.students.empty()) continue;
    report += "\n";
    AppendTable(TeacherTable(service), width, report);
    report += "\n";
    AppendTable(StudentTable(service), width, report);
  }
  if (fleet.more_services > 0) {
    absl::StrAppend(&report, "\n", fleet.more_services, " more services are not shown; --service NAME shows one\n");
  }
  return report.empty() ? "no services\n" : report;
}

std::string JsonReport(const WholeFleet& fleet) {
  Json report = {{"at_ms", fleet.at_ms}, {"services", Json::array()}, {"more_services", fleet.more_services}};
  for (const ServiceSnapshot& service : fleet.services) {
    Json json = {{"name", service.name}, {"teachers", Json::array()}, {"students", Json::array()}};
    for (const TeacherEntry& teacher : service.teachers) json["teachers"].push_back(JsonOf(teacher));
    for (const StudentEntry& student : service.students) json["students"].push_back(JsonOf(student));
    json["more_teachers"] = service.more_teachers;
    json["more_students"] = service.more_students;
    report["services"].push_back(std::move(json));
  }
  return report.dump(2, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace) + "\n";
}

}  // namespace edl
