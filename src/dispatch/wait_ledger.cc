// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/wait_ledger.h"

#include <algorithm>

namespace edl {

void WaitLedger::NoteStudent(Student student, TimePoint now) {
  MutexLock lock(mu_);
  Settle(now);
  student_ = student;
  since_ = now;
}

void WaitLedger::NoteSource(Source source, TimePoint now) {
  MutexLock lock(mu_);
  Settle(now);
  source_ = source;
}

void WaitLedger::NoteStarving(int change, TimePoint now) {
  MutexLock lock(mu_);
  Settle(now);
  starving_ += change;
}

std::chrono::nanoseconds& WaitLedger::Blamed(StudentTime& time) const {
  if (starving_ <= 0 || source_ == Source::kHasEnded) return time.waited_for_teachers;
  return source_ == Source::kIsHeld ? time.waited_for_head_of_line : time.waited_for_source;
}

void WaitLedger::Settle(TimePoint now) {
  if (student_ == Student::kWorks || now <= since_) return;  // another thread's clock was read later
  Blamed(waited_) += now - since_;
  since_ = now;
}

StudentTime WaitLedger::Account(std::chrono::nanoseconds wall, TimePoint now) const {
  MutexLock lock(mu_);
  StudentTime time = waited_;
  if (student_ == Student::kWaits && now > since_) Blamed(time) += now - since_;
  time.busy = std::max(wall - time.waited(), std::chrono::nanoseconds::zero());
  return time;
}

}  // namespace edl
