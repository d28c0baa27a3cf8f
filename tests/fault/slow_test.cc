// SPDX-License-Identifier: Apache-2.0
// A teacher that becomes ten times slower than the others: something else has its machine nine tenths of the time.
#include <atomic>
#include <chrono>
#include <thread>

#include "src/base/thread.h"
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

// Stops the process for nine tenths of every 50 ms, until it goes.
class Burden {
 public:
  explicit Burden(testing::TeacherProcess& teacher)
      : thread_("test-burden", [this, &teacher] {
          while (!lifted_) {
            teacher.Pause();
            std::this_thread::sleep_for(milliseconds(45));
            teacher.Resume();
            std::this_thread::sleep_for(milliseconds(5));
          }
        }) {}
  ~Burden() { lifted_ = true; }

 private:
  std::atomic<bool> lifted_{false};
  Thread thread_;  // last: joined first
};

TEST(Slow, GetsTheShareThatItCanDoAndItsFullShareWhenItIsFastAgain) {
  auto teachers = test::StartRealTeachers(3);
  test::Student student(test::Watch(teachers));
  const double speed = student.FullSpeed();
  auto rows_of = [&](std::size_t t) { return student.lane(teachers[t]->endpoint()).rows; };
  {
    Burden burden(*teachers[2]);
    ASSERT_TRUE(student.AwaitRows(500));  // what it had been given before is done
    std::int64_t before[] = {rows_of(0), rows_of(1), rows_of(2)};
    ASSERT_TRUE(student.AwaitRows(3000));
    const std::int64_t fast = std::min(rows_of(0) - before[0], rows_of(1) - before[1]);
    const std::int64_t slow = rows_of(2) - before[2];
    EXPECT_LT(slow, fast / 2);
    EXPECT_GT(fast, 500);
  }
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
