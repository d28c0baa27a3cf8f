// SPDX-License-Identifier: Apache-2.0
// Redis' password is changed, and every connection broken: nobody gets in any more.
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(RedisPassword, ChangedItLocksEveryoneOutAndTheTeachingGoesOn) {
  test::RedisProcess redis({"requirepass old"});
  const std::string host = "127.0.0.1:" + std::to_string(redis.port());
  const std::string url = "redis://:old@" + host;
  auto teachers = test::StartListedTeachers(2, url);
  test::Student student(RedisTeachers(test::ShortPoll(url)));
  const double speed = student.FullSpeed();
  redis.Call({"CONFIG", "SET", "requirepass", "new"}, url);
  const std::string admin = "redis://:new@" + host;
  redis.Call({"CLIENT", "KILL", "TYPE", "normal"}, admin);
  redis.Call({"CLIENT", "KILL", "TYPE", "pubsub"}, admin);
  ASSERT_TRUE(student.Await("all have noticed", [&] { return !teachers[0]->listed() && !teachers[1]->listed(); }));
  // One that knows the new password joins; the student, who does not, cannot know.
  test::ListedTeacher joins(test::StartRealTeacher(), admin);
  ASSERT_TRUE(joins.listed());
  ASSERT_TRUE(student.AwaitRecovery(speed));
  EXPECT_EQ(student.lane(joins.endpoint()).state, "");
  redis.Call({"CONFIG", "SET", "requirepass", "old"}, admin);
  ASSERT_TRUE(student.Await("the new one", [&] { return student.lane(joins.endpoint()).completed > 0; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
