// SPDX-License-Identifier: Apache-2.0
// What a snapshot says of the bottleneck.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"
#include "edl/stats.h"

namespace edl {
namespace {

constexpr double kNoticeable = 0.02;  // of the wall time; less waiting is no bottleneck
constexpr double kRounding = 0.1;     // of a teacher: no reason to ask for one more

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::int64_t WholeTeachers(double load) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(load - kRounding)));
}

std::int64_t ReadyTeachers(const ReaderStats& stats) {
  return std::count_if(stats.lanes.begin(), stats.lanes.end(), [](const auto& lane) { return lane.state == "ready"; });
}

std::string TeachersAdvice(const ReaderStats& stats, double wall, double waited) {
  const std::int64_t teachers = ReadyTeachers(stats);
  const double percent = 100 * waited / wall;
  if (teachers == 0) {
    return absl::StrFormat("teacher-bound: the student waits %.0f %% of the time, and no teacher is ready", percent);
  }
  if (stats.rows == 0) {
    return absl::StrFormat("teacher-bound: the student waits %.0f %% of the time, for its first batch", percent);
  }
  // Without the wait the student would be quicker by wall / (wall - waited), and so would the teachers have to be.
  const double needed = static_cast<double>(teachers) * wall / std::max(wall - waited, wall / 1000);
  const std::int64_t more = std::max<std::int64_t>(1, WholeTeachers(needed) - teachers);
  return absl::StrFormat(
      "teacher-bound: the student waits %.0f %% of the time; %d more teacher%s like %s would feed it", percent, more,
      more == 1 ? "" : "s", teachers == 1 ? "this" : "these");
}

std::string StudentAdvice(const ReaderStats& stats, double wall) {
  double load = 0;
  for (const LaneStats& lane : stats.lanes) load += Seconds(lane.busy) / wall;
  const std::int64_t teachers = ReadyTeachers(stats);
  const std::int64_t needed = WholeTeachers(load);
  if (needed < teachers) return absl::StrFormat("student-bound: %d of %d teachers would do", needed, teachers);
  return absl::StrFormat("student-bound: it hardly waits, and its %d teacher%s enough", teachers,
                         teachers == 1 ? " is" : "s are just");
}

}  // namespace

Bottleneck ReaderStats::bottleneck() const {
  const double wall_s = Seconds(wall);
  const double waited = Seconds(student.waited());
  if (wall_s <= 0 || (rows == 0 && waited <= 0)) return Bottleneck::kUnknown;
  if (waited < kNoticeable * wall_s) return Bottleneck::kStudent;
  const std::pair<std::chrono::nanoseconds, Bottleneck> parts[] = {
      {student.waited_for_teachers, Bottleneck::kTeachers},
      {student.waited_for_network, Bottleneck::kNetwork},
      {student.waited_for_head_of_line, Bottleneck::kHeadOfLine},
      {student.waited_for_source, Bottleneck::kSource}};
  return std::max_element(std::begin(parts), std::end(parts))->second;
}

std::string ReaderStats::Advice() const {
  const double wall_s = Seconds(wall);
  switch (bottleneck()) {
    case Bottleneck::kUnknown:
      return "nothing to say yet: no batch has been asked for";
    case Bottleneck::kStudent:
      return StudentAdvice(*this, wall_s);
    case Bottleneck::kTeachers:
      return TeachersAdvice(*this, wall_s, Seconds(student.waited_for_teachers));
    case Bottleneck::kNetwork:
      return absl::StrFormat(
          "network-bound: the student waits %.0f %% of the time for bytes on their way; send fewer of them (uint8 "
          "fields, compression), use more channels, or teachers that are nearer",
          100 * Seconds(student.waited_for_network) / wall_s);
    case Bottleneck::kHeadOfLine:
      return absl::StrFormat(
          "held up by single slow requests: the student waits %.0f %% of the time for one of them, while later batches "
          "fill all places; raise max_batches_ahead, or let batches come unordered",
          100 * Seconds(student.waited_for_head_of_line) / wall_s);
    case Bottleneck::kSource:
      return absl::StrFormat("source-bound: the loader gives %.0f rows/s, the student could take %.0f",
                             static_cast<double>(rows) / wall_s,
                             static_cast<double>(rows) / std::max(Seconds(student.busy), wall_s / 1000));
  }
  return "";
}

}  // namespace edl
