// SPDX-License-Identifier: Apache-2.0
#include "src/reader/network_share.h"

#include <algorithm>

namespace edl {
namespace {

double Count(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count());
}

double NetworkShare(const LaneStats& lane) {
  const double told = Count(lane.teacher_queue + lane.teacher_compute + lane.network);
  const double busy = Count(lane.busy);
  if (lane.timed == 0 || told <= 0 || busy <= 0) return 0;
  const double computed = Count(lane.mean_teacher_compute()) * static_cast<double>(lane.completed) / busy;
  return std::max(0.0, std::min(1 - computed, Count(lane.network) / told));
}

}  // namespace

void PartNetwork(ReaderStats& stats) {
  double busy = 0, network = 0;
  for (const LaneStats& lane : stats.lanes) {
    busy += Count(lane.busy);
    network += Count(lane.busy) * NetworkShare(lane);
  }
  StudentTime& student = stats.student;
  const std::chrono::nanoseconds both = student.waited_for_teachers + student.waited_for_network;
  const double share = busy <= 0 ? 0 : network / busy;
  student.waited_for_network = std::chrono::nanoseconds(static_cast<std::int64_t>(share * Count(both)));
  student.waited_for_teachers = both - student.waited_for_network;
}

}  // namespace edl
