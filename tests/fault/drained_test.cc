// SPDX-License-Identifier: Apache-2.0
// SIGTERM under load: a teacher finishes what it has accepted and ends in order.
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(Drained, ItEndsInOrderAndNothingIsLost) {
  auto teachers = test::StartRealTeachers(3);
  test::Student student(test::Watch(teachers));
  const double speed = student.FullSpeed();
  for (std::size_t round = 0; round < 2; ++round) {
    const std::string endpoint = teachers[round]->endpoint();
    ASSERT_TRUE(student.AwaitBusy(endpoint));
    teachers[round]->Terminate();
    ASSERT_TRUE(student.AwaitEjection(endpoint));
    EXPECT_EQ(teachers[round]->Wait(), 0);
    ASSERT_TRUE(student.AwaitRows(1000));
    teachers[round] = test::Restart(*teachers[round]);
    ASSERT_TRUE(student.AwaitRecovery(speed));
  }
}

TEST(Drained, AllOfThemOneAfterTheOtherAsInAnUpgrade) {
  auto teachers = test::StartRealTeachers(2);
  test::Student student(test::Watch(teachers));
  const double speed = student.FullSpeed();
  for (auto& teacher : teachers) {
    teacher->Terminate();
    EXPECT_EQ(teacher->Wait(), 0);
    teacher = test::Restart(*teacher);
    ASSERT_TRUE(student.AwaitRecovery(speed));
  }
}

}  // namespace
}  // namespace edl
