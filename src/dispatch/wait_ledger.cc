// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/wait_ledger.h"

namespace edl {

void WaitLedger::NoteStudent(Student student, TimePoint now) {
  MutexLock lock(mu_);
  Settle(now);
  student_ = student;
}

void WaitLedger::NoteStudentBehind(Student student, TimePoint now) {
  MutexLock lock(mu_);
  Settle(now);
  behind_ = student;
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

StudentTime WaitLedger::Account(TimePoint now) const {
  MutexLock lock(mu_);
  Settle(now);
  return time_;
}

std::chrono::nanoseconds& WaitLedger::Current() const {
  if (student_ == Student::kWorks || behind_ == Student::kWorks) return time_.busy;
  if (starving_ <= 0 || source_ == Source::kHasEnded) return time_.waited_for_teachers;
  return source_ == Source::kIsHeld ? time_.waited_for_head_of_line : time_.waited_for_source;
}

void WaitLedger::Settle(TimePoint now) const {
  if (now <= since_) return;  // another thread's clock was read later
  Current() += now - since_;
  since_ = now;
}

}  // namespace edl
