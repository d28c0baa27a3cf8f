// SPDX-License-Identifier: Apache-2.0
// All leases are gone at once, while the teachers still serve: the registry is a hint and never the truth.
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(LeasesGone, AllAtOnceTheyCostNoTeacher) {
  test::RedisProcess redis;
  auto teachers = test::StartListedTeachers(3, redis.url());
  test::Student student(RedisTeachers(test::ShortPoll(redis.url())));
  const double speed = student.FullSpeed();
  for (auto& teacher : teachers) teacher->set_well(false);
  ASSERT_TRUE(student.Await("nobody is listed", [&] {
    for (auto& teacher : teachers) {
      if (redis.Call({"EXISTS", "/service/rows/nodes/" + teacher->endpoint()}).integer != 0) return false;
    }
    return true;
  }));
  ASSERT_TRUE(student.AwaitRecovery(speed));  // all three teach: nothing has happened
  for (auto& teacher : teachers) teacher->set_well(true);
  ASSERT_TRUE(student.Await("all are listed", [&] { return redis.Members("/service/rows/teachers").size() == 3; }));
  redis.Call({"FLUSHALL"});
  ASSERT_TRUE(student.Await("all are listed", [&] { return redis.Members("/service/rows/teachers").size() == 3; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
  for (auto& teacher : teachers) EXPECT_EQ(student.lane(teacher->endpoint()).ejections, 0);
}

}  // namespace
}  // namespace edl
