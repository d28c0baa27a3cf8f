// SPDX-License-Identifier: Apache-2.0
// SIGSTOP to Redis: it accepts connections and answers nothing.
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(RedisHung, TheKnownTeachersGoOnAndNewOnesAreFoundWhenItGoesOn) {
  test::RedisProcess redis;
  auto teachers = test::StartListedTeachers(2, redis.url());
  test::Student student(RedisTeachers(test::ShortPoll(redis.url())));
  const double speed = student.FullSpeed();
  redis.Pause();
  ASSERT_TRUE(student.Await("all have noticed", [&] { return !teachers[0]->listed() && !teachers[1]->listed(); }));
  test::ListedTeacher joins(test::StartRealTeacher(), redis.url());
  ASSERT_TRUE(student.AwaitRecovery(speed));
  redis.Resume();
  ASSERT_TRUE(student.Await("the new one", [&] { return student.lane(joins.endpoint()).completed > 0; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
  for (auto& teacher : teachers) EXPECT_EQ(student.lane(teacher->endpoint()).ejections, 0);
}

}  // namespace
}  // namespace edl
