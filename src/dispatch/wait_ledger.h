// SPDX-License-Identifier: Apache-2.0
// WaitLedger: whom a waiting student waits for, moment by moment.
// Place: the reader notes what its source does, the dispatcher when the student waits and which lanes starve (have
//        room, and nothing to send); ReaderStats::student is what comes of it.
// Rule: who would have to be quicker for the student to have its batch sooner? While the student waits,
//         no lane starves                     -> teachers: they have all the work that they take
//         a lane starves, the source is held  -> the head of the line: one slow request, behind which all is full
//         a lane starves, the source has ended -> teachers: the last replies are on their way
//         a lane starves, otherwise           -> source: more from it would be on its way to that lane
//       Each moment is settled once, for one of them: none of the parts ever falls.
// Thread-safety: any thread. Of events that come at the same time in two threads, either may be noted first.
#pragma once

#include <cstdint>

#include "edl/stats.h"
#include "src/base/executor.h"
#include "src/base/mutex.h"

namespace edl {

class WaitLedger {
 public:
  enum class Student { kWorks, kWaits };
  enum class Source { kWorks, kIsHeld, kHasEnded };

  // From `start` on, the student's time is accounted for.
  explicit WaitLedger(TimePoint start) : since_(start) {}

  // Who calls Next().
  void NoteStudent(Student student, TimePoint now);
  // The student behind it, where Next() is called ahead of it by another thread: it has to wait, too.
  void NoteStudentBehind(Student student, TimePoint now);
  void NoteSource(Source source, TimePoint now);
  // The number of starving lanes has changed, by 1 or -1.
  void NoteStarving(int change, TimePoint now);

  // From the start until now, or until the latest event, if that was noted with a later time.
  StudentTime Account(TimePoint now) const;

 private:
  std::chrono::nanoseconds& Current() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Settle(TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  Student student_ ABSL_GUARDED_BY(mu_) = Student::kWorks;
  Student behind_ ABSL_GUARDED_BY(mu_) = Student::kWaits;  // as long as nobody reads ahead of it
  Source source_ ABSL_GUARDED_BY(mu_) = Source::kWorks;
  int starving_ ABSL_GUARDED_BY(mu_) = 0;
  mutable TimePoint since_ ABSL_GUARDED_BY(mu_);  // what came before is settled
  mutable StudentTime time_ ABSL_GUARDED_BY(mu_);
};

}  // namespace edl
