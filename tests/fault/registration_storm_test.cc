// SPDX-License-Identifier: Apache-2.0
// 200 teachers register and leave within seconds. They are fake: one server behind 200 addresses.
#include <random>
#include <set>

#include "src/teacher/server.h"
#include "tests/support/function_model.h"
#include "tests/support/listed_teacher.h"
#include "tests/support/seed.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(RegistrationStorm, TwoHundredComeAndGoAndTheRealOnesTeachOn) {
  std::mt19937_64 random(test::Seed());
  TeacherServerOptions options;
  options.listen.assign(200, "127.0.0.1:0");
  options.max_queued = 1000;
  ModelInfo info = test::RowModel();
  auto server = TeacherServer::Start(options, std::make_unique<FunctionModel>(info, test::ScoreRows));
  ASSERT_TRUE(server.ok()) << server.status();
  const std::vector<std::string>& endpoints = (*server)->endpoints();

  test::RedisProcess redis;
  auto teachers = test::StartListedTeachers(2, redis.url());
  test::Student student(RedisTeachers(test::ShortPoll(redis.url())));
  const double speed = student.FullSpeed();
  std::vector<std::unique_ptr<LeaseKeeper>> leases(endpoints.size());
  auto join = [&](std::size_t t) {
    auto lease = LeaseKeeper::Start(test::ShortLease(redis.url(), endpoints[t]), nullptr);
    ASSERT_TRUE(lease.ok()) << lease.status();
    leases[t] = *std::move(lease);
  };
  for (std::size_t t = 0; t < endpoints.size(); ++t) {
    join(t);
    if (random() % 3 == 0) leases[random() % (t + 1)].reset();
  }
  for (int change = 0; change < 200; ++change) {
    const std::size_t t = random() % endpoints.size();
    if (leases[t] != nullptr) {
      leases[t].reset();
    } else {
      join(t);
    }
  }
  std::set<std::string> wanted = {teachers[0]->endpoint(), teachers[1]->endpoint()};
  for (std::size_t t = 0; t < endpoints.size(); ++t) {
    if (leases[t] != nullptr) wanted.insert(endpoints[t]);
  }
  ASSERT_TRUE(student.Await("the right set", [&] {
    std::set<std::string> used;
    for (const LaneStats& lane : student.stats().lanes) {
      if (lane.state != "closed") used.insert(lane.endpoint);
    }
    return used == wanted;
  }));
  ASSERT_TRUE(student.AwaitRecovery(0));  // each of them gets its part
  leases.clear();
  ASSERT_TRUE(student.Await("they are let go", [&] {
    for (const std::string& endpoint : endpoints) {
      const std::string state = student.lane(endpoint).state;
      if (state != "closed" && state != "") return false;
    }
    return true;
  }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
