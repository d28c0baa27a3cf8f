// SPDX-License-Identifier: Apache-2.0
// SIGSTOP to four of five teachers with a window of 1: the delivery is in order, so each of the four holds it up.
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(MostHung, TheOneThatIsLeftDoesItAll) {
  auto teachers = test::StartRealTeachers(5);
  ReaderOptions options = test::RowOptions();
  options.window = 1;
  options.attempt_timeout = std::chrono::milliseconds(1000);
  test::Student student(test::Watch(teachers), options);
  const double speed = student.FullSpeed();
  for (std::size_t t = 1; t < 5; ++t) teachers[t]->Pause();
  for (std::size_t t = 1; t < 5; ++t) ASSERT_TRUE(student.AwaitEjection(teachers[t]->endpoint()));
  ASSERT_TRUE(student.AwaitRows(1000));
  for (std::size_t t = 1; t < 5; ++t) teachers[t]->Resume();
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
