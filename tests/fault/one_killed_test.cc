// SPDX-License-Identifier: Apache-2.0
// SIGKILL: one of three teachers is gone without a word, with requests in flight.
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(OneKilled, ItsRowsGoToTheOthersAndItIsUsedAgainWhenItIsBack) {
  auto teachers = test::StartRealTeachers(3);
  test::Student student(test::Watch(teachers));
  const double speed = student.FullSpeed();
  for (int round = 0; round < 2; ++round) {
    auto& victim = teachers[static_cast<std::size_t>(round)];
    const std::string endpoint = victim->endpoint();
    ASSERT_TRUE(student.AwaitBusy(endpoint));
    victim->Kill();
    ASSERT_TRUE(student.AwaitEjection(endpoint));
    ASSERT_TRUE(student.AwaitRows(2000));  // and on it goes with two
    victim = test::Restart(*victim);
    ASSERT_TRUE(student.AwaitRecovery(speed));
  }
  EXPECT_GT(student.stats().retried, 0);
}

}  // namespace
}  // namespace edl
