// SPDX-License-Identifier: Apache-2.0
// SIGKILL to Redis: it is not in the way of the data, and what happens meanwhile is caught up with.
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(RedisKilled, TheKnownTeachersGoOnAndNewOnesAreFoundWhenItIsBack) {
  test::RedisProcess redis;
  auto teachers = test::StartListedTeachers(2, redis.url());
  test::Student student(RedisTeachers(test::ShortPoll(redis.url())));
  const double speed = student.FullSpeed();
  redis.Kill();
  ASSERT_TRUE(student.Await("all have noticed", [&] { return !teachers[0]->listed() && !teachers[1]->listed(); }));
  ASSERT_TRUE(student.AwaitRows(1000));
  // A teacher may even die and come back meanwhile.
  teachers[0]->Kill();
  ASSERT_TRUE(student.AwaitEjection(teachers[0]->endpoint()));
  teachers[0]->Restart();
  ASSERT_TRUE(student.AwaitRecovery(speed));
  test::ListedTeacher joins(test::StartRealTeacher(), redis.url());
  redis.Restart();
  ASSERT_TRUE(student.Await("the new one", [&] { return student.lane(joins.endpoint()).completed > 0; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
