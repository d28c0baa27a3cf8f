// SPDX-License-Identifier: Apache-2.0
// TimedFleet: teachers in this process, behind real servers on real sockets, that compute nothing and take their time
// over it.
// Shapes: x and y INT64 [1, 1]; the answer is the question.
// Units: the time of a request is slept, on the teacher's one instance.
// Thread-safety: any thread. Ends when the requests that are being computed do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/timed_sleep.h"
#include "src/teacher/server.h"

namespace edl::bench {

enum class TeacherTimes {
  kConstant,
  kHeavyTail,  // log-normal, sigma 1: one in a hundred takes six times the mean
};

// What all teachers have computed so far, answers that nobody waited for any more included.
struct FleetWork {
  std::int64_t requests = 0;  // that are done
  Clock::duration taken{0};   // over them and, so far, over those that are not
};

class TimedFleet {
 public:
  TimedFleet(int teachers, TeacherTimes times, Clock::duration mean, std::uint64_t seed);

  std::vector<std::string> endpoints() const;
  FleetWork work() const;

 private:
  class TimedModel;

  std::vector<const TimedModel*> models_;  // the servers'
  std::vector<std::unique_ptr<TeacherServer>> servers_;
};

}  // namespace edl::bench
