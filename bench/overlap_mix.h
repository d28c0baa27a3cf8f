// SPDX-License-Identifier: Apache-2.0
// OverlapMix: a student and teachers of some speeds, and what of the slower side's rate the reader makes.
// How: the student sleeps `step` after each Next(); a teacher sleeps over each request. Both rates come from the times
//      that the sleeps really took, so that neither a timer nor the luck of a finite sample is put down to the reader.
//      The slower side bounds the rate; what is counted is what that side did: steps of the student, or batches that
//      teachers answered. (The two differ by what lies ready between them, and not in the long run.)
// Limits: requests of which nobody wants the answer any more (hedges, and what they overtook) count as teachers' time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/timed_fleet.h"

namespace edl::bench {

enum class Balance { kTeacherBound, kBalanced, kStudentBound };
enum class Order { kOrdered, kUnordered };

struct OverlapMix {
  int teachers = 1;
  TeacherTimes times = TeacherTimes::kConstant;
  Balance balance = Balance::kBalanced;
  Order order = Order::kOrdered;

  // "4 teachers, heavy tail, teacher-bound, ordered"
  std::string ToString() const;

  // A teacher's mean time for a batch: as short as two cores can serve, some hundreds of batches a second in all.
  Clock::duration teacher_time() const;
  // The student's for one: half of what the teachers need, the same, or twice as much.
  Clock::duration step() const;
};

// Each combination for these numbers of teachers.
std::vector<OverlapMix> AllMixes(const std::vector<int>& teachers);

struct OverlapRun {
  double share = 0;         // achieved / min(student_rate, teacher_rate)
  double student_rate = 0;  // steps a second, were it never to wait
  double teacher_rate = 0;  // batches a second of all teachers, were they never to wait
  double delivered = 0;     // batches a second
  double hedged = 0;        // of the batches
  double ejections = 0;     // teachers out of rotation for a while, though none of them fails
};

// The reader's options that may be to blame for a share below 1.
struct OverlapBounds {
  std::int64_t max_batches_ahead = 0;
  double hedge_budget = 0.1;
  int window = 16;
};

// Measures for so long, after a start that does not count.
OverlapRun RunMix(const OverlapMix& mix, double seconds, const OverlapBounds& bounds, std::uint64_t seed);

}  // namespace edl::bench
