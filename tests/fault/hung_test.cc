// SPDX-License-Identifier: Apache-2.0
// SIGSTOP: a teacher hangs. Its kernel still answers for it, so that nothing fails; only nothing comes back.
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(Hung, ItsRowsGoToTheOthersAndItIsUsedAgainWhenItGoesOn) {
  auto teachers = test::StartRealTeachers(3);
  ReaderOptions options = test::RowOptions();
  options.attempt_timeout = std::chrono::milliseconds(1000);
  test::Student student(test::Watch(teachers), options);
  const double speed = student.FullSpeed();
  const std::string endpoint = teachers[1]->endpoint();
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(student.AwaitBusy(endpoint));
    teachers[1]->Pause();
    ASSERT_TRUE(student.AwaitEjection(endpoint, round));
    ASSERT_TRUE(student.AwaitRows(2000));
    teachers[1]->Resume();
    ASSERT_TRUE(student.AwaitRecovery(speed));
  }
}

}  // namespace
}  // namespace edl
