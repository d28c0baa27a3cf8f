// SPDX-License-Identifier: Apache-2.0
// A teacher is replaced by another instance on the same endpoint while the old one's heartbeat still runs, and says
// goodbye later: that must not take the new one out.
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(SameEndpoint, TheYoungerInstanceKeepsTheLeaseWhateverTheOlderDoes) {
  test::RedisProcess redis;
  auto teachers = test::StartListedTeachers(2, redis.url());
  test::Student student(RedisTeachers(test::ShortPoll(redis.url())));
  const double speed = student.FullSpeed();
  const std::string endpoint = teachers[0]->endpoint();
  const std::string node = "/service/rows/nodes/" + endpoint;
  const std::string old_id = redis.Field(node, "id");
  std::unique_ptr<LeaseKeeper> old_lease = teachers[0]->TakeLease();
  teachers[0]->process().Kill();
  ASSERT_TRUE(student.AwaitEjection(endpoint));
  teachers[0]->Restart();
  ASSERT_TRUE(student.Await("the new instance", [&] { return redis.Field(node, "id") != old_id; }));
  const std::string new_id = redis.Field(node, "id");
  ASSERT_TRUE(student.AwaitRecovery(speed));
  old_lease->Drain(std::chrono::milliseconds(500)).IgnoreError();
  old_lease->Stop();
  EXPECT_EQ(redis.Field(node, "id"), new_id);
  EXPECT_EQ(redis.Field(node, "state"), "serving");
  ASSERT_TRUE(student.AwaitRecovery(speed));
  EXPECT_EQ(student.lane(endpoint).state, "ready");
}

}  // namespace
}  // namespace edl
