// SPDX-License-Identifier: Apache-2.0
// The master of a Redis that sentinels watch is killed; its replica takes over.
#include "absl/strings/match.h"
#include "tests/support/eventually.h"
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(SentinelFailover, TheTeachingGoesOnAndTheNewMasterIsFollowed) {
  test::RedisProcess master;
  test::RedisProcess replica({"replicaof 127.0.0.1 " + std::to_string(master.port())});
  test::RedisProcess sentinel({"sentinel monitor main 127.0.0.1 " + std::to_string(master.port()) + " 1",
                               "sentinel down-after-milliseconds main 300", "sentinel failover-timeout main 2000"},
                              /*sentinel=*/true);
  test::Eventually([&] {
    return sentinel.Call({"SENTINEL", "replicas", "main"}).elements.size() == 1 &&
           absl::StrContains(master.Call({"INFO", "replication"}).text, "state=online");
  });
  const std::string url = "redis+sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/main";
  auto teachers = test::StartListedTeachers(2, url);
  test::Student student(RedisTeachers(test::ShortPoll(url)));
  const double speed = student.FullSpeed();
  master.Kill();
  ASSERT_TRUE(student.Await("the failover", [&] {
    const auto role = replica.TryCall({"ROLE"});  // it closes its connections when it changes
    return role.ok() && role->elements.at(0).text == "master";
  }));
  test::ListedTeacher joins(test::StartRealTeacher(), url);
  ASSERT_TRUE(student.Await("the new one", [&] { return student.lane(joins.endpoint()).completed > 0; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
  for (auto& teacher : teachers) EXPECT_EQ(student.lane(teacher->endpoint()).ejections, 0);
  ASSERT_TRUE(
      student.Await("all are listed there", [&] { return replica.Members("/service/rows/teachers").size() == 3; }));
}

}  // namespace
}  // namespace edl
