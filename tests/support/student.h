// SPDX-License-Identifier: Apache-2.0
// Student: reads distilled batches for as long as it lives, on a thread of its own, and checks every row; meanwhile a
// test lets teachers come to harm, and waits for what should follow.
// Errors: a row that is lost, doubled, mispaired or out of order, and an error from Next(), fail the test, and end the
//         reading.
// Thread-safety: one thread at a time, the test's; stats(), totals() and RemakeReader() from any thread.
// Lifetime: the destructor ends the reading wherever it is.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "tests/support/row_ledger.h"

namespace edl::test {

// What a student does beside reading. All are called on its thread.
struct StudentHabits {
  std::function<void()> before;  // called before each Next(); may pause it
  std::function<bool()> leaves;  // asked after each batch: leave the epoch here?
};

class Student {
 public:
  // How long a test waits for what should follow; far more than it takes, for machines that do much else.
  static constexpr std::chrono::seconds kPatience{30};

  explicit Student(std::unique_ptr<TeacherWatcher> teachers, ReaderOptions options = RowOptions(), RowPlan plan = {});
  // One whose reader can be remade: each asks `watch` for its teachers.
  using WatchTeachers = std::function<std::unique_ptr<TeacherWatcher>()>;
  Student(WatchTeachers watch, ReaderOptions options, RowPlan plan, StudentHabits habits);
  ~Student();

  RowTotals totals() const;
  std::int64_t rows() const { return totals().rows; }
  // Of the reader of now; none between two.
  ReaderStats stats() const;
  // Shuts the reader down, wherever it is. The student then destroys it and makes another.
  void RemakeReader();
  // The lane of a teacher; one with no state when it has never been a teacher of ours.
  LaneStats lane(const std::string& endpoint) const;
  // The longest that Next() took since it was asked the last time.
  std::chrono::nanoseconds TakeLongestGap();

  // Waits until it is so. False, and a failure that says so, when it never comes, or the reading has ended.
  bool Await(const std::string& what, const std::function<bool()>& condition) const;
  bool AwaitRows(std::int64_t more) const;
  // Until the teacher has been asked and has not answered yet.
  bool AwaitBusy(const std::string& endpoint) const;
  // Until the teacher is out of rotation, after more ejections than `ejections`.
  bool AwaitEjection(const std::string& endpoint, std::int64_t ejections = 0) const;

  // Until all teachers that are listed are in rotation, and an epoch has ended since, so that all of its rows are
  // accounted for.
  bool AwaitAllReady() const;

  // Rows a second, while all teachers that are listed do their part of the work: waits until they do.
  double FullSpeed() const;
  // Waits until all teachers do their part again, at no less than half of that speed (the machine may have other things
  // to do by now), and until AwaitAllReady.
  bool AwaitRecovery(double full_speed) const;

 private:
  void Live();  // the body of its thread
  bool Read(DistillReader& reader);
  bool AwaitAllTeach() const;

  const WatchTeachers watch_;
  const ReaderOptions options_;
  const StudentHabits habits_;
  std::atomic<bool> stop_{false};  // written by the destructor, before it shuts the reader down; read by the student

  mutable Mutex mu_;
  std::unique_ptr<DistillReader> reader_ ABSL_GUARDED_BY(mu_);  // written by the student's thread alone
  bool remake_ ABSL_GUARDED_BY(mu_) = false;
  RowLedger ledger_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::chrono::nanoseconds longest_gap_ ABSL_GUARDED_BY(mu_){0};

  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl::test
