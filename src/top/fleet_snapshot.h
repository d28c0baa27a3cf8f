// SPDX-License-Identifier: Apache-2.0
// FleetSnapshot: the services of a registry and the members of one, as they stood in Redis at one time.
// Place: made by FleetReader; shown as tables (fleet_table.h) and as JSON (report.h).
// Rules: whatever stands in Redis may be anything: a number that is none is not there, a text is cut at kLongestText.
//        Texts are as they came; who shows them makes them fit to be shown (display_text.h).
// Thread-safety: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace edl {

constexpr std::size_t kLongestText = 1000;

struct LaneEntry {
  std::string endpoint;
  std::string state;
  std::optional<double> in_flight, window, rows_per_s, failed, latency_ms;
};

struct TeacherEntry {
  std::string endpoint;
  // "draining"; "expired": its lease has run out, and nobody has taken it out yet; "left out": no student uses it.
  std::string state = "serving";
  std::string left_out;  // why, if it is
  int weight = 1;
  std::string info;
  std::vector<std::string> students;  // who are assigned to it, by name

  // What it says of itself; nothing when it does not.
  std::string role, model, version, device;
  std::optional<double> uptime_s, rows, rows_per_s, in_flight, queued, p50_ms, p99_ms, answered, failed, refused;
};

struct StudentEntry {
  std::string name;  // registry_view.h
  bool expired = false;
  std::optional<int> max_teachers;    // 0: any number; nothing: it is left out, its name being none of ours
  std::string left_out;               // why
  std::vector<std::string> teachers;  // that it is assigned to

  // What it says of itself; nothing when it does not.
  std::string role, verdict;
  std::optional<double> uptime_s, rows, rows_per_s, retried, hedged;
  // Shares of its time, 0 to 1. The first is the sum of the next four.
  std::optional<double> waited, waited_for_teachers, waited_for_network, waited_for_head_of_line, waited_for_source;
  std::optional<double> source_waited_for_student;
  std::vector<LaneEntry> lanes;
  std::optional<double> more_lanes;  // that had no room
};

struct ServiceSnapshot {
  std::string name;
  std::vector<TeacherEntry> teachers;
  std::vector<StudentEntry> students;
  std::int64_t more_teachers = 0, more_students = 0;  // that were not read: there are too many
};

struct ServiceSummary {
  std::string name;
  std::int64_t teachers = 0, students = 0;
};

struct FleetSnapshot {
  std::int64_t at_ms = 0;  // by Redis' clock
  std::vector<ServiceSummary> services;
  std::int64_t more_services = 0;  // that were found, and are not among them; SCAN may count one twice
  ServiceSnapshot current;
};

// What is known when one attempt to read may have failed.
struct FleetNews {
  FleetSnapshot fleet;
  bool any = false;     // has anything been read yet?
  absl::Status status;  // of the last attempt
};

// Takes in what stands under a member's numbers/ (docs/registry.md); nothing of it when that is no JSON object.
void ApplyNumbers(const std::string& text, TeacherEntry& teacher);
void ApplyNumbers(const std::string& text, StudentEntry& student);

// Takes in what the registry has of them (`fact`: docs/registry.md), or why the students leave them out.
void ApplyFact(const std::string& fact, TeacherEntry& teacher);
void ApplyName(StudentEntry& student);

// Fills in who teaches whom, as the students compute it for themselves.
void Assign(ServiceSnapshot& service);

}  // namespace edl
