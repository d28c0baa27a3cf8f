// SPDX-License-Identifier: Apache-2.0
// What is read of a registry, from a real redis-server: with no more rights than reading takes, and whatever is there.
#include "src/top/fleet_reader.h"

#include "gmock/gmock.h"
#include "src/top/fleet_feed.h"
#include "tests/support/eventually.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;
using test::RedisProcess;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class Reading {
 public:
  explicit Reading(const std::string& url)
      : connection_(ConnectToRedis(RedisAddress::Parse(url).value(), {seconds(10), seconds(10)}, interrupt_).value()) {}

  FleetReader& operator*() { return reader_; }
  FleetSnapshot Read(const std::string& service = "") {
    absl::StatusOr<FleetSnapshot> fleet = reader_.Read(service);
    EXPECT_TRUE(fleet.ok()) << fleet.status();
    return fleet.value_or(FleetSnapshot{});
  }

 private:
  Interrupt interrupt_;
  std::unique_ptr<RedisConnection> connection_;
  FleetReader reader_{*connection_};
};

// A student with no more of a reader than its place in the registry, and what it says.
std::unique_ptr<TeacherWatcher> Study(const RedisProcess& redis, const std::string& says) {
  RedisTeachersOptions options = test::QuickWatch(redis);
  std::unique_ptr<TeacherWatcher> watcher = RedisTeachers(options);
  watcher->SetNumbers([says] { return says; });
  EXPECT_TRUE(watcher->Start([](const TeacherSet&) {}).ok());
  return watcher;
}

TEST(FleetReader, ReadsMembersAndWhatTheySayOfThemselves) {
  RedisProcess redis;
  LeaseOptions options;
  options.redis = redis.url();
  options.service = "s";
  options.endpoint = "a:1";
  options.model = "resnext101";
  options.info = "rack 7";
  options.weight = 3;
  options.heartbeat = milliseconds(100);
  options.numbers = [] { return std::string("{\"device\":\"cuda:0\",\"rows_per_s\":7}"); };
  auto a = LeaseKeeper::Start(options, nullptr);
  ASSERT_TRUE(a.ok() && (*a)->AwaitListed(seconds(30)).ok());
  auto b = test::Teach(redis, "b:1");
  ASSERT_TRUE(b->Drain(seconds(30)).ok());
  auto student = Study(redis, "{\"verdict\":\"the loader is\"}");

  Reading reading(redis.url());
  FleetSnapshot fleet;
  Eventually([&] {
    fleet = reading.Read("s");
    return fleet.current.students.size() == 1 && !fleet.current.students[0].verdict.empty() &&
           fleet.current.teachers[0].rows_per_s == 7;
  });
  ASSERT_THAT(fleet.current.teachers, SizeIs(2));
  const TeacherEntry& first = fleet.current.teachers[0];
  EXPECT_EQ(first.endpoint, "a:1");
  EXPECT_EQ(first.state, "serving");
  EXPECT_EQ(first.model, "resnext101");
  EXPECT_EQ(first.info, "rack 7");
  EXPECT_EQ(first.weight, 3);
  EXPECT_EQ(first.device, "cuda:0");
  EXPECT_EQ(fleet.current.teachers[1].state, "draining");
  const StudentEntry& one = fleet.current.students[0];
  EXPECT_EQ(one.max_teachers, 0);
  EXPECT_THAT(one.teachers, ElementsAre("a:1"));
  EXPECT_THAT(first.students, ElementsAre(one.name));
  EXPECT_GT(fleet.at_ms, 0);
}

// The user of docs/registry.md.
TEST(FleetReader, AUserThatMayOnlyReadSuffices) {
  RedisProcess redis({"user top on >pw resetkeys %R~/service/* -@all +@connection +@read +role +time"});
  auto teacher = test::Teach(redis, "a:1");
  Reading reading("redis://top:pw@127.0.0.1:" + std::to_string(redis.port()));
  ASSERT_TRUE((*reading).FindServices(10).ok());
  EXPECT_THAT(reading.Read().current.teachers, SizeIs(1));
}

TEST(FleetReader, FindsServicesAmongManyOtherKeysBitByBit) {
  RedisProcess redis;
  redis.Call({"EVAL", "for i = 1, 20000 do redis.call('SET', KEYS[1] .. i, 'x') end", "1", "key"});
  for (const char* service : {"b", "a", "not/one"}) {
    redis.Call({"SET", "/service/" + std::string(service) + "/version", "1"});
  }
  redis.Call({"ZADD", "/service/b/teachers", "99999999999999", "x:1"});
  Reading reading(redis.url());
  int calls = 1;
  for (absl::StatusOr<bool> all = (*reading).FindServices(1); !*all; all = (*reading).FindServices(1)) ++calls;
  EXPECT_GE(calls, 10);
  const FleetSnapshot fleet = reading.Read();
  ASSERT_THAT(fleet.services, SizeIs(2));
  EXPECT_EQ(fleet.services[0].name, "a");
  EXPECT_EQ(fleet.services[1].teachers, 1);
  EXPECT_EQ(fleet.current.name, "b");  // the first that has members
}

TEST(FleetReader, CountsTheServicesThatItHasNoRoomFor) {
  RedisProcess redis;
  redis.Call({"EVAL", "for i = 1, 300 do redis.call('SET', '/service/s' .. i .. '/version', 1) end", "0"});
  Reading reading(redis.url());
  ASSERT_TRUE((*reading).FindServices(1000).ok());
  const FleetSnapshot fleet = reading.Read();
  EXPECT_THAT(fleet.services, SizeIs(kMostServices));
  EXPECT_EQ(fleet.more_services, 300 - static_cast<int>(kMostServices));
}

TEST(FleetReader, TellsLongNamesApart) {
  RedisProcess redis;
  const std::string stem(2000, 'x');
  for (const char* end : {"a", "b"}) redis.Call({"ZADD", "/service/s/students", "99999999999999", stem + end});
  Reading reading(redis.url());
  const FleetSnapshot fleet = reading.Read("s");
  ASSERT_THAT(fleet.current.students, SizeIs(2));
  EXPECT_NE(fleet.current.students[0].name, fleet.current.students[1].name);
  EXPECT_LT(fleet.current.students[0].name.size(), kLongestText + 10);
}

TEST(FleetReader, TakesWhateverIsThereAndNoMoreOfItThanItsBounds) {
  RedisProcess redis;
  redis.Call({"SET", "/service/odd/teachers", "of another kind"});
  redis.Call({"ZADD", "/service/odd/students", "1", "\x1b[2J no student", "99999999999999", "h:1:x/0"});
  redis.Call({"SET", "/service/odd/numbers/h:1:x/0", std::string(1'000'000, '{')});
  Reading reading(redis.url());
  FleetSnapshot fleet = reading.Read("odd");
  EXPECT_THAT(fleet.current.teachers, SizeIs(0));
  ASSERT_THAT(fleet.current.students, SizeIs(2));
  EXPECT_TRUE(fleet.current.students[0].expired);
  EXPECT_FALSE(fleet.current.students[1].expired);

  redis.Call({"EVAL", "for i = 1, 3000 do redis.call('ZADD', KEYS[1], 99999999999999, 'h' .. i .. ':1') end", "1",
              "/service/big/teachers"});
  fleet = reading.Read("big");
  EXPECT_THAT(fleet.current.teachers, SizeIs(kMostShown));
  EXPECT_EQ(fleet.current.more_teachers, 1000);
}

TEST(FleetFeed, SaysThatRedisIsAwayAndGoesOnWhenItIsBack) {
  RedisProcess redis;
  auto teacher = test::Teach(redis, "a:1");
  auto feed = FleetFeed::Start(RedisAddress::Parse(redis.url()).value(), milliseconds(50), "s");
  ASSERT_TRUE(feed.ok());
  std::int64_t seen = 0;
  FleetNews news;
  auto await = [&](auto condition) { Eventually([&] { return (*feed)->News(seen, news) && condition(); }); };
  await([&] { return news.any && news.fleet.current.teachers.size() == 1; });
  redis.Kill();
  await([&] { return !news.status.ok(); });
  EXPECT_THAT(news.fleet.current.teachers, SizeIs(1));  // as it was
  redis.RestartEmpty();
  await([&] { return news.status.ok() && news.fleet.current.teachers.size() == 1; });
  (*feed)->Choose("another");
  await([&] { return news.fleet.current.name == "another"; });
}

}  // namespace
}  // namespace edl
