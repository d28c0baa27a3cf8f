// SPDX-License-Identifier: Apache-2.0
// The network swallows every packet between the student and one teacher: the connection stays up and no byte flows.
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"
#include "tests/support/tcp_proxy.h"

namespace edl {
namespace {

TEST(PacketsDropped, ItsRowsGoToTheOtherAndItIsUsedAgainWhenTheyComeThrough) {
  auto teachers = test::StartRealTeachers(2);
  test::TcpProxy wire(teachers[0]->endpoint());
  ReaderOptions options = test::RowOptions();
  options.attempt_timeout = std::chrono::milliseconds(1000);
  test::Student student(FixedTeachers({wire.endpoint(), teachers[1]->endpoint()}), options);
  const double speed = student.FullSpeed();
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(student.AwaitBusy(wire.endpoint()));
    wire.Stall();
    ASSERT_TRUE(student.AwaitEjection(wire.endpoint(), round));
    ASSERT_TRUE(student.AwaitRows(1000));
    wire.Flow();
    ASSERT_TRUE(student.AwaitRecovery(speed));
  }
}

}  // namespace
}  // namespace edl
