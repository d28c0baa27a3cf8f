// SPDX-License-Identifier: Apache-2.0
// Redis comes back from a crash with nothing, or with what was true some time ago.
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(RedisRestarted, EmptyItCostsNoTeacher) {
  test::RedisProcess redis;
  auto teachers = test::StartListedTeachers(2, redis.url());
  test::Student student(RedisTeachers(test::ShortPoll(redis.url())));
  const double speed = student.FullSpeed();
  redis.Kill();
  redis.RestartEmpty();
  ASSERT_TRUE(student.Await("all are listed again", [&] {
    return redis.Members("/service/rows/teachers").size() == 2 && redis.Members("/service/rows/students").size() == 1;
  }));
  for (auto& teacher : teachers) EXPECT_EQ(student.lane(teacher->endpoint()).ejections, 0);
  test::ListedTeacher joins(test::StartRealTeacher(), redis.url());
  ASSERT_TRUE(student.Await("the new one", [&] { return student.lane(joins.endpoint()).completed > 0; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

TEST(RedisRestarted, WithOldDataTheStudentFindsOutWhoIsReallyThere) {
  test::RedisProcess redis;
  auto teachers = test::StartListedTeachers(3, redis.url());
  // The data say until much later that this one is a teacher.
  teachers[2]->TakeLease()->Stop();
  auto stale = LeaseKeeper::Start(
      [&] {
        LeaseOptions options = test::ShortLease(redis.url(), teachers[2]->endpoint());
        options.lease = std::chrono::minutes(10);
        return options;
      }(),
      nullptr);
  ASSERT_TRUE(stale.ok()) << stale.status();
  ASSERT_TRUE((*stale)->AwaitListed(test::Student::kPatience).ok());
  redis.Call({"SAVE"});
  (*stale)->Stop();
  teachers[2]->process().Kill();

  test::Student student(RedisTeachers(test::ShortPoll(redis.url())));
  const double speed = student.FullSpeed();
  EXPECT_EQ(student.lane(teachers[2]->endpoint()).state, "");
  redis.Kill();
  redis.Restart();
  ASSERT_TRUE(student.Await("it is tried", [&] { return student.lane(teachers[2]->endpoint()).state != ""; }));
  ASSERT_TRUE(student.AwaitRows(2000));
  EXPECT_EQ(student.lane(teachers[2]->endpoint()).completed, 0);
  teachers[2]->Restart();
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
