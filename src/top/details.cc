// SPDX-License-Identifier: Apache-2.0
#include "src/top/details.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/top/display_text.h"

namespace edl {
namespace {

std::string Or(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

std::string PercentSign(std::optional<double> share) {
  return share ? absl::StrCat(Percent(share), " %") : "-";
}

}  // namespace

std::vector<std::string> TeacherDetails(const ServiceSnapshot& service, const std::string& endpoint) {
  auto same = [&](const TeacherEntry& teacher) { return teacher.endpoint == endpoint; };
  auto found = std::find_if(service.teachers.begin(), service.teachers.end(), same);
  if (found == service.teachers.end()) return {absl::StrCat("Teacher ", endpoint, " is no longer listed.")};
  const TeacherEntry& teacher = *found;
  std::vector<std::string> lines = {
      teacher.left_out.empty()
          ? absl::StrCat("Teacher ", teacher.endpoint, ", ", teacher.state, ", weight ", teacher.weight)
          : absl::StrCat("Teacher ", teacher.endpoint, ", left out by students: ", teacher.left_out),
      absl::StrCat("model     ", Or(teacher.model, "-"), "  version ", Or(teacher.version, "-"), "  on ",
                   Or(teacher.device, "-")),
      absl::StrCat("info      ", Or(teacher.info, "-")),
      absl::StrCat("up        ", Duration(teacher.uptime_s)),
      absl::StrCat("rows/s    ", Compact(teacher.rows_per_s), "   inside ", Compact(teacher.in_flight),
                   ", of them waiting ", Compact(teacher.queued)),
      absl::StrCat("latency   p50 ", Millis(teacher.p50_ms), " ms, p99 ", Millis(teacher.p99_ms), " ms"),
      absl::StrCat("requests  answered ", Compact(teacher.answered), ", failed ", Compact(teacher.failed), ", refused ",
                   Compact(teacher.refused)),
      "",
      absl::StrCat("Teaches ", teacher.students.size(), teacher.students.size() == 1 ? " student:" : " students:")};
  for (const std::string& student : teacher.students) lines.push_back("  " + student);
  return lines;
}

std::vector<std::string> StudentDetails(const ServiceSnapshot& service, const std::string& name) {
  auto same = [&](const StudentEntry& student) { return student.name == name; };
  auto found = std::find_if(service.students.begin(), service.students.end(), same);
  if (found == service.students.end()) return {absl::StrCat("Student ", name, " is no longer listed.")};
  const StudentEntry& student = *found;
  std::vector<std::string> lines = {
      absl::StrCat("Student ", student.name, student.expired ? ", expired" : ""),
      student.left_out.empty() ? Or(student.verdict, "(it says nothing of what holds it up)")
                               : absl::StrCat("left out by the others: ", student.left_out),
      "",
      absl::StrCat("up      ", Duration(student.uptime_s)),
      absl::StrCat("rows/s  ", Compact(student.rows_per_s), "   retried ", Compact(student.retried), ", hedged ",
                   Compact(student.hedged)),
      absl::StrCat("waits   ", PercentSign(student.waited), " of its time: for teachers ",
                   PercentSign(student.waited_for_teachers), ", the network ", PercentSign(student.waited_for_network),
                   ","),
      absl::StrCat("        one slow request ", PercentSign(student.waited_for_head_of_line), ", its loader ",
                   PercentSign(student.waited_for_source)),
      absl::StrCat("loader  waits ", PercentSign(student.source_waited_for_student), " of the time for it to train"),
      "",
      absl::StrFormat("%-28s %-10s %9s %7s %6s %7s", "TEACHER", "STATE", "IN FLIGHT", "ROWS/S", "FAILED", "MEAN ms")};
  for (const LaneEntry& lane : student.lanes) {
    lines.push_back(
        absl::StrCat(Fit(lane.endpoint, 28), " ", Fit(lane.state, 10), " ",
                     Fit(absl::StrCat(Compact(lane.in_flight), "/", Compact(lane.window)), 9, Align::kRight), " ",
                     Fit(Compact(lane.rows_per_s), 7, Align::kRight), " ", Fit(Compact(lane.failed), 6, Align::kRight),
                     " ", Fit(Millis(lane.latency_ms), 7, Align::kRight)));
  }
  if (student.lanes.empty()) {
    for (const std::string& teacher : student.teachers) lines.push_back(absl::StrCat(Fit(teacher, 28), " assigned"));
  }
  if (student.more_lanes) lines.push_back(absl::StrCat("and ", Compact(student.more_lanes), " more"));
  return lines;
}

const std::vector<std::string>& HelpText() {
  static const auto& lines = *new std::vector<std::string>{
      "edl-top: who teaches whom, and where the time goes",
      "",
      "  Up Down PgUp PgDn Home End   move           Tab   to the other table",
      "  Enter   all about the selected one          s S   next, previous service",
      "  < >     sort by the column to the left, right; or 1 to 9: by that column",
      "  r       sort the other way round            /     show what holds a text",
      "  ? h     this help, Esc leaves it            Esc   no filter",
      "  q       quit",
      "",
      "TEACHERS  BUSY      requests inside the teacher",
      "          QUEUE     of those, the ones that wait",
      "          P50 P99   ms from arrival to answer, of half the requests, of 99 %",
      "          ERR       requests that failed or were refused since its start",
      "          STUD      students that it is assigned to",
      "STUDENTS  TEACH     teachers that are assigned to it",
      "          WAIT%     of its time it waited for a batch; of that:",
      "          TCHR%     because its teachers had all the work that they take",
      "          NET%      because bytes were on their way",
      "          SRC%      because its loader had given nothing to send",
      "",
      "Left out: what students do not use, since its name or weight makes no sense.",
      "Quiet rows say nothing of themselves: servers of edl-register, older members.",
      "Numbers are those of the last seconds; members write them every 1.5 s.",
  };
  return lines;
}

}  // namespace edl
