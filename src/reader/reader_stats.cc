// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "edl/stats.h"

namespace edl {
namespace {

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::string ReaderStats::ToString() const {
  auto stage = [](const char* name, const StageStats& s) {
    return absl::StrFormat("%-9s in %d, out %d, depth %d\n", name, s.in, s.out, s.depth);
  };
  auto share = [&](const char* what, std::chrono::nanoseconds time) {
    double percent = wall.count() == 0 ? 0 : 100.0 * Seconds(time) / Seconds(wall);
    return absl::StrFormat("%-27s %5.1f %% of %.3f s\n", what, percent, Seconds(wall));
  };
  std::string text = absl::StrCat(stage("source", source), stage("dispatch", dispatch), stage("ring", ring));
  absl::StrAppendFormat(&text, "rows %d, retried %d, hedged %d (%d won), dropped %d\n", rows, retried, hedged,
                        hedges_won, dropped);
  absl::StrAppend(&text, share("student waited for teachers", student_waited_for_teachers),
                  share("teachers waited for source", teachers_waited_for_source),
                  share("source waited for student", source_waited_for_student));
  for (const LaneStats& lane : lanes) {
    absl::StrAppendFormat(&text,
                          "teacher %s: %s, %d attempts, %d completed, %d failed (%d bad replies), "
                          "%d in flight (window %d), %d rows, %d ejections, mean latency %.3f ms%s%s\n",
                          lane.endpoint, lane.state, lane.attempts, lane.completed, lane.failed, lane.bad_replies,
                          lane.in_flight, lane.window, lane.rows, lane.ejections, lane.mean_latency.count() / 1000.0,
                          lane.last_error.empty() ? "" : ", last error: ", lane.last_error);
  }
  return text;
}

}  // namespace edl
