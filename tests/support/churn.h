// SPDX-License-Identifier: Apache-2.0
// Churn: teachers die, join, drain, stall and are unlisted at random, while a student reads, and both it and its source
// pause now and then.
// Place: tests/fault/churn_test.cc lets it run for some epochs a seed, tests/fault/soak.cc for as long as it is told.
// Thread-safety: one thread at a time; the faults are done by a thread of its own, `test-fate`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "tests/support/event.h"
#include "tests/support/student.h"
#include "tests/support/told_teachers.h"

namespace edl::test {

struct FaultCounts {
  int kills = 0;
  int joins = 0;   // of a teacher that was away
  int drains = 0;  // by SIGTERM, listed or not
  int stalls = 0;
  int unlistings = 0;  // the process serves on

  int total() const { return kills + joins + drains + stalls + unlistings; }
  // "kills 3, joins 4, …"
  std::string ToString() const;
};

struct ChurnOptions {
  std::uint64_t seed = 0;
  RowPlan plan;  // its `before` is the churn's
  ReaderOptions reader = RowOptions();
  std::chrono::milliseconds calm{30};  // between two faults, on the average
};

class Churn {
 public:
  explicit Churn(const ChurnOptions& options);
  ~Churn();

  Student& student() { return *student_; }
  FaultCounts faults() const;

  // No more faults, and all teachers are well again. False when the student does not recover.
  bool Settle();

 private:
  struct Teacher;

  void Run();
  void Afflict(Teacher& teacher);
  void Join(Teacher& teacher);
  void Drain(Teacher& teacher);
  void Tell();
  bool Draw(int one_in) { return random_() % static_cast<unsigned>(one_in) == 0; }
  void Count(int FaultCounts::*kind);

  const std::chrono::milliseconds calm_;
  const std::vector<std::string> ports_;
  ToldTeachers told_;
  std::unique_ptr<Student> student_;

  // The thread of fate only, until it is joined.
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Teacher>> teachers_;

  Event stop_;
  std::atomic<bool> stopping_{false};
  mutable Mutex mu_;
  FaultCounts faults_ ABSL_GUARDED_BY(mu_);
  Thread fate_;  // last: starts when the rest stands
};

// `options` with all that a seed decides: the form and size of the items, order, windows.
ChurnOptions DrawChurn(std::uint64_t seed, SourceForm form);

}  // namespace edl::test
