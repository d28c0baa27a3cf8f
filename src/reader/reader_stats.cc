// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "edl/stats.h"
#include "src/reader/network_share.h"

namespace edl {
namespace {

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// "source    in 120, out 118, depth 2"
std::string Line(const char* name, const StageStats& stage) {
  return absl::StrFormat("%-9s in %d, out %d, depth %d\n", name, stage.in, stage.out, stage.depth);
}

double Milliseconds(std::chrono::nanoseconds time) {
  return 1000 * Seconds(time);
}

// Where a teacher's latency goes, if it tells.
std::string Times(const LaneStats& lane) {
  if (lane.timed == 0) return "";
  return absl::StrFormat(" (queue %.3f, compute %.3f, network %.3f)", Milliseconds(lane.mean_teacher_queue()),
                         Milliseconds(lane.mean_teacher_compute()), Milliseconds(lane.mean_network()));
}

std::string Line(const LaneStats& lane) {
  return absl::StrFormat(
      "teacher %s: %s, %d attempts, %d completed, %d failed (%d bad replies), %d in flight (window %d), %d rows, "
      "%d ejections, mean latency %.3f ms%s%s%s\n",
      lane.endpoint, lane.state, lane.attempts, lane.completed, lane.failed, lane.bad_replies, lane.in_flight,
      lane.window, lane.rows, lane.ejections, Milliseconds(lane.mean_latency()), Times(lane),
      lane.last_error.empty() ? "" : ", last error: ", lane.last_error);
}

void Subtract(StageStats& stage, const StageStats& earlier) {
  stage.in -= earlier.in;
  stage.out -= earlier.out;
}

void Subtract(StudentTime& time, const StudentTime& earlier) {
  time.busy -= earlier.busy;
  time.waited_for_teachers -= earlier.waited_for_teachers;
  time.waited_for_network -= earlier.waited_for_network;
  time.waited_for_head_of_line -= earlier.waited_for_head_of_line;
  time.waited_for_source -= earlier.waited_for_source;
}

void Subtract(LaneStats& lane, const LaneStats& earlier) {
  if (earlier.attempts > lane.attempts) return;  // gone, forgotten, and come back since
  lane.attempts -= earlier.attempts;
  lane.completed -= earlier.completed;
  lane.failed -= earlier.failed;
  lane.bad_replies -= earlier.bad_replies;
  lane.rows -= earlier.rows;
  lane.ejections -= earlier.ejections;
  lane.latency -= earlier.latency;
  lane.busy -= earlier.busy;
  lane.timed -= earlier.timed;
  lane.teacher_queue -= earlier.teacher_queue;
  lane.teacher_compute -= earlier.teacher_compute;
  lane.network -= earlier.network;
}

}  // namespace

ReaderStats ReaderStats::Since(const ReaderStats& earlier) const {
  ReaderStats since = *this;
  Subtract(since.source, earlier.source);
  Subtract(since.dispatch, earlier.dispatch);
  Subtract(since.ring, earlier.ring);
  since.rows -= earlier.rows;
  since.retried -= earlier.retried;
  since.hedged -= earlier.hedged;
  since.hedges_won -= earlier.hedges_won;
  since.dropped -= earlier.dropped;
  since.wall -= earlier.wall;
  Subtract(since.student, earlier.student);
  since.teachers_waited_for_source -= earlier.teachers_waited_for_source;
  since.source_waited_for_student -= earlier.source_waited_for_student;
  std::map<std::string, const LaneStats*> before;
  for (const LaneStats& lane : earlier.lanes) before.emplace(lane.endpoint, &lane);
  for (LaneStats& lane : since.lanes) {
    const auto same = before.find(lane.endpoint);
    if (same != before.end()) Subtract(lane, *same->second);
  }
  PartNetwork(since);  // by what the lanes did since, not in all their life
  return since;
}

std::string ReaderStats::ToString() const {
  auto share = [&](const char* what, std::chrono::nanoseconds time) {
    const double percent = wall.count() == 0 ? 0 : 100.0 * Seconds(time) / Seconds(wall);
    return absl::StrFormat("%-31s %5.1f %% of %.3f s\n", what, percent, Seconds(wall));
  };
  std::string text = absl::StrCat(Line("source", source), Line("dispatch", dispatch), Line("ring", ring));
  absl::StrAppendFormat(&text, "rows %d, retried %d, hedged %d (%d won), dropped %d\n", rows, retried, hedged,
                        hedges_won, dropped);
  absl::StrAppend(&text, share("student was busy", student.busy),
                  share("student waited for teachers", student.waited_for_teachers),
                  share("student waited for network", student.waited_for_network),
                  share("student waited for one request", student.waited_for_head_of_line),
                  share("student waited for source", student.waited_for_source),
                  share("teachers waited for source", teachers_waited_for_source),
                  share("source waited for student", source_waited_for_student));
  for (const LaneStats& lane : lanes) absl::StrAppend(&text, Line(lane));
  absl::StrAppend(&text, Advice(), "\n");
  return text;
}

}  // namespace edl
