// SPDX-License-Identifier: Apache-2.0
// A teacher is replaced by another model, on the same endpoint, while the student reads.
#include "gmock/gmock.h"
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

TEST(OtherModel, GetsNoRequestsAndItsPlaceIsTakenAgainByTheRightOne) {
  auto teachers = test::StartRealTeachers(3);
  test::Student student(test::Watch(teachers));
  const double speed = student.FullSpeed();
  const std::string endpoint = teachers[0]->endpoint();
  ASSERT_TRUE(student.AwaitBusy(endpoint));
  teachers[0]->Kill();
  teachers[0] = test::StartRealTeacher({test::PortOf(endpoint), /*version=*/"2"});
  ASSERT_TRUE(student.Await("it is refused", [&] { return student.lane(endpoint).state == "refused"; }));
  EXPECT_THAT(student.lane(endpoint).last_error, HasSubstr("rows (version 2)"));
  const std::int64_t completed = student.lane(endpoint).completed;
  ASSERT_TRUE(student.AwaitRows(2000));
  EXPECT_EQ(student.lane(endpoint).completed, completed);
  teachers[0]->Kill();
  teachers[0] = test::StartRealTeacher({test::PortOf(endpoint)});
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
