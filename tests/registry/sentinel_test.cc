// SPDX-License-Identifier: Apache-2.0
// The registry behind sentinels, with real ones.
#include "absl/strings/match.h"
#include "tests/support/eventually.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using test::Eventually;
using test::QuickWatch;
using test::RedisProcess;
using test::Teach;
using test::WatchingReader;

TEST(Sentinel, ItsNewMasterIsFollowed) {
  RedisProcess master;
  RedisProcess replica({"replicaof 127.0.0.1 " + std::to_string(master.port())});
  RedisProcess sentinel({"sentinel monitor main 127.0.0.1 " + std::to_string(master.port()) + " 1",
                         "sentinel down-after-milliseconds main 300", "sentinel failover-timeout main 2000"},
                        /*sentinel=*/true);
  Eventually([&] {
    const RedisReply replicas = sentinel.Call({"SENTINEL", "replicas", "main"});
    return replicas.elements.size() == 1 &&
           absl::StrContains(master.Call({"INFO", "replication"}).text, "state=online");
  });
  const std::string url = "redis+sentinel://127.0.0.1:1,127.0.0.1:" + std::to_string(sentinel.port()) + "/main";
  auto a = Teach(master, "a:1", url);
  RedisTeachersOptions options = QuickWatch(master);
  options.redis = url;
  WatchingReader reader(options);
  reader.Await({"a:1"});
  master.Kill();
  Eventually([&] {
    auto role = replica.TryCall({"ROLE"});  // it closes its connections when it changes
    return role.ok() && role->elements.at(0).text == "master";
  });
  auto b = Teach(replica, "b:1", url);
  reader.Await({"a:1", "b:1"});
  EXPECT_EQ(replica.Members("/service/s/teachers").size(), 2u);
}

TEST(Sentinel, OneThatDoesNotKnowTheMasterSaysSo) {
  RedisProcess sentinel({}, /*sentinel=*/true);
  LeaseOptions options;
  options.redis = "redis+sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/nobody";
  options.service = "s";
  options.endpoint = "a:1";
  auto keeper = LeaseKeeper::Start(options, nullptr);
  ASSERT_TRUE(keeper.ok());
  std::string said;
  Eventually([&] {
    said = std::string((*keeper)->AwaitListed(milliseconds(10)).message());
    return absl::StrContains(said, "knows no master 'nobody'");
  });
}

}  // namespace
}  // namespace edl
