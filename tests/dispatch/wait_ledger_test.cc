// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/wait_ledger.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Source = WaitLedger::Source;
using Student = WaitLedger::Student;

const TimePoint kStart{std::chrono::hours(1)};

class WaitLedgerTest : public ::testing::Test {
 protected:
  TimePoint now() const { return kStart + passed_; }
  void Pass(int ms) { passed_ += milliseconds(ms); }
  StudentTime Account() const { return ledger_.Account(now()); }

  WaitLedger ledger_{kStart};
  nanoseconds passed_{0};
};

TEST_F(WaitLedgerTest, BlamesTeachersWhileNoneHasRoom) {
  Pass(5);
  ledger_.NoteStudent(Student::kWaits, now());
  Pass(20);
  EXPECT_EQ(Account().waited_for_teachers, milliseconds(20));  // a wait that goes on counts
  ledger_.NoteStudent(Student::kWorks, now());
  Pass(30);
  EXPECT_EQ(Account().waited_for_teachers, milliseconds(20));
  EXPECT_EQ(Account().busy, milliseconds(35));
}

TEST_F(WaitLedgerTest, BlamesTheSourceFromWhenATeacherHasRoom) {
  ledger_.NoteStudent(Student::kWaits, now());
  Pass(10);
  ledger_.NoteStarving(1, now());
  Pass(7);
  ledger_.NoteStarving(1, now());
  Pass(4);
  ledger_.NoteStarving(-1, now());  // the other still starves
  Pass(2);
  ledger_.NoteStarving(-1, now());
  Pass(1);
  EXPECT_EQ(Account().waited_for_source, milliseconds(13));
  EXPECT_EQ(Account().waited_for_teachers, milliseconds(11));
}

TEST_F(WaitLedgerTest, BlamesTheHeadOfTheLineWhileTheSourceIsHeldAndATeacherHasRoom) {
  ledger_.NoteStarving(1, now());
  ledger_.NoteStudent(Student::kWaits, now());
  ledger_.NoteSource(Source::kIsHeld, now());
  Pass(8);
  ledger_.NoteSource(Source::kWorks, now());
  Pass(3);
  EXPECT_EQ(Account().waited_for_head_of_line, milliseconds(8));
  EXPECT_EQ(Account().waited_for_source, milliseconds(3));
}

TEST_F(WaitLedgerTest, BlamesTeachersForTheLastRepliesOfASourceThatHasEnded) {
  ledger_.NoteStarving(1, now());
  ledger_.NoteSource(Source::kHasEnded, now());
  ledger_.NoteStudent(Student::kWaits, now());
  Pass(6);
  EXPECT_EQ(Account().waited_for_teachers, milliseconds(6));
}

TEST_F(WaitLedgerTest, BlamesNobodyWhileTheStudentBehindOneThatReadsAheadWorks) {
  ledger_.NoteStudentBehind(Student::kWorks, now());
  ledger_.NoteStudent(Student::kWaits, now());
  Pass(7);
  ledger_.NoteStudentBehind(Student::kWaits, now());
  Pass(4);
  ledger_.NoteStudent(Student::kWorks, now());
  Pass(2);
  EXPECT_EQ(Account().waited_for_teachers, milliseconds(4));
  EXPECT_EQ(Account().busy, milliseconds(9));
}

TEST_F(WaitLedgerTest, AddsUpToTheWallTimeWhateverHappensInWhateverOrder) {
  for (int i = 0; i < 1000; ++i) {
    ledger_.NoteStudent(i % 3 == 0 ? Student::kWaits : Student::kWorks, now());
    Pass(i % 5);
    ledger_.NoteStarving(i % 2 == 0 ? 1 : -1, now() - milliseconds(i % 4));  // by a thread that was held up
    ledger_.NoteSource(static_cast<Source>(i % 7 % 3), now());
    Pass(i % 2);
    const StudentTime time = Account();
    ASSERT_EQ(time.busy + time.waited(), passed_);
    ASSERT_GE(time.busy, nanoseconds(0));
  }
}

// Those who watch take a part that falls for one that begins anew.
TEST_F(WaitLedgerTest, WhatWasToldDoesNotFallWhenAThreadComesLate) {
  Pass(10);
  EXPECT_EQ(Account().busy, milliseconds(10));
  ledger_.NoteStudent(Student::kWaits, now() - milliseconds(4));  // read its clock before, and was held up
  EXPECT_EQ(Account().busy, milliseconds(10));
  Pass(5);
  EXPECT_EQ(Account().waited_for_teachers, milliseconds(5));
  ledger_.NoteStarving(1, now() - milliseconds(3));
  EXPECT_EQ(Account().waited_for_teachers, milliseconds(5));
  ledger_.NoteStudent(Student::kWorks, now() + milliseconds(2));  // later than who looks next has it
  EXPECT_EQ(Account().waited_for_source, milliseconds(2));
  EXPECT_EQ(Account().busy, milliseconds(10));
}

}  // namespace
}  // namespace edl
