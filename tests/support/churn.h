// SPDX-License-Identifier: Apache-2.0
// Churn: teachers die, join, drain, hang and are unlisted at random, the wires to them are cut, slowed down and broken,
// while a student reads; both it and its source pause now and then, and it leaves epochs and has its reader remade.
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
#include "tests/support/fault_counts.h"
#include "tests/support/student.h"
#include "tests/support/told_teachers.h"

namespace edl::test {

struct ChurnOptions {
  enum class Links {
    kDirect,
    kWires
  };  // kWires: all goes through a TcpProxy for each teacher, that comes to harm, too

  std::uint64_t seed = 0;
  RowPlan plan;  // its `before` is the churn's
  ReaderOptions reader = RowOptions();
  std::chrono::milliseconds calm{30};  // between two faults, on the average
  Links links = Links::kDirect;
  // Where teachers keep leases of their own and the student looks for them; no address: the student is told.
  RedisTeachersOptions registry;
  int leaves_one_in = 0;   // epochs, about, before their end; 0: none
  int remakes_one_in = 0;  // faults is that the student's reader is destroyed and made anew; 0: none
};

class Churn {
 public:
  explicit Churn(const ChurnOptions& options);
  ~Churn();

  Student& student() { return *student_; }
  FaultCounts faults() const;

  // No more faults, and all teachers, and the wires to them, are well again: those at these endpoints. The student may
  // not have noticed yet.
  std::vector<std::string> Calm();
  // Calm, and all that the student has are in rotation. False when it does not recover.
  bool Settle();

 private:
  struct Post;
  struct Teacher;

  void Run();
  void Strike();
  void Afflict(Teacher& teacher);
  void AfflictWire(Post& post);
  void Join(Teacher& teacher);
  void TakePost(Teacher& teacher);
  void Drain(Teacher& teacher);
  void Unlist(Teacher& teacher);
  void Relist(Teacher& teacher);
  void Tell();
  std::vector<std::string> Listed() const;
  std::unique_ptr<Student> NewStudent();
  bool Draw(int one_in) { return random_() % static_cast<unsigned>(one_in) == 0; }
  void Count(int FaultCounts::*kind);

  const ChurnOptions options_;
  ToldTeachers told_;
  std::unique_ptr<Student> student_;

  // The thread of fate only, until it is joined.
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Post>> posts_;
  std::vector<std::unique_ptr<Teacher>> teachers_;

  Event stop_;
  std::atomic<bool> stopping_{false};  // written by the test's thread, read by fate's; stop_ wakes that
  mutable Mutex mu_;
  FaultCounts faults_ ABSL_GUARDED_BY(mu_);
  Thread fate_;  // last: starts when the rest stands
};

// `options` with all that a seed decides: the form and size of the items, order, windows.
ChurnOptions DrawChurn(std::uint64_t seed, SourceForm form);

}  // namespace edl::test
