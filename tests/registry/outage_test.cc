// SPDX-License-Identifier: Apache-2.0
// What a watcher tells its reader when Redis, or what is in it, is not as it should be.
#include "tests/support/eventually.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Endpoints;
using test::Eventually;
using test::QuickWatch;
using test::RedisProcess;
using test::Teach;
using test::Vanish;
using test::WatchingReader;

TEST(Outage, WaitsForARedisThatIsNotThereYet) {
  RedisProcess redis;
  redis.Kill();
  WatchingReader reader(QuickWatch(redis));
  EXPECT_EQ(reader.times_told(), 1) << "nobody, so that the reader counts the time without a teacher";
  redis.Restart();
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
}

TEST(Outage, NonsenseInTheRegistryIsSkipped) {
  RedisProcess redis;
  const std::string later = "99999999999999";
  for (const std::string& bad : {std::string("no port"), std::string("esc\x1b:1"), std::string("nul\0l:1", 7),
                                 std::string(5000, 'x') + ":1", std::string("string:1"), std::string("heavy:1")}) {
    redis.Call({"HSET", "/service/s/facts", bad, "serving 99999999999999999999"});
    redis.Call({"ZADD", "/service/s/teachers", later, bad});
    redis.Call({"ZADD", "/service/s/students", later, bad});
  }
  redis.Call({"HSET", "/service/s/facts", "string:1", ""});
  redis.Call({"HSET", "/service/s/facts", "nobody:1", "serving 1"});
  redis.Call({"SET", "/service/s/nodes/a:1", "not a hash"});
  redis.Call({"SET", "/service/s/nodes/foreign:1", "not a hash"});
  WatchingReader reader(QuickWatch(redis));
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1", "string:1"});  // the one that is no nonsense, from the registry's point of view
  auto b = Teach(redis, "b:1");
  reader.Await({"a:1", "b:1", "string:1"});
}

TEST(Outage, AKeyOfTheWrongKindIsAnOutageThatEnds) {
  RedisProcess redis;
  redis.Call({"SET", "/service/s/students", "not a sorted set"});
  WatchingReader reader(QuickWatch(redis));
  redis.Call({"DEL", "/service/s/students"});
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
}

TEST(Outage, TheKnownOnesOutliveAnOutageAndTheRestIsCaughtUp) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  WatchingReader reader(QuickWatch(redis));
  reader.Await({"a:1", "b:1"});
  const int told = reader.times_told();
  redis.Kill();
  redis.RestartEmpty();
  auto c = Teach(redis, "c:1");
  reader.Await({"a:1", "b:1", "c:1"});
  EXPECT_EQ(reader.times_told(), told + 1) << "and nothing in between";
}

TEST(Outage, AHungRedisChangesNothing) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  WatchingReader reader(QuickWatch(redis));
  reader.Await({"a:1", "b:1"});
  redis.Pause();
  Eventually([&] { return !a->AwaitListed(milliseconds(0)).ok() && !b->AwaitListed(milliseconds(0)).ok(); });
  EXPECT_EQ(reader.endpoints(), (Endpoints{"a:1", "b:1"}));
  redis.Resume();
  auto c = Teach(redis, "c:1");
  reader.Await({"a:1", "b:1", "c:1"});
}

TEST(Outage, AllLeasesGoneAtOnceKeepsThemAll) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  WatchingReader reader(QuickWatch(redis));
  reader.Await({"a:1", "b:1"});
  redis.Call({"FLUSHALL"});
  // Both are back, and so is the student.
  Eventually([&] {
    return redis.Members("/service/s/teachers").size() == 2 && redis.Members("/service/s/students").size() == 1;
  });
  auto c = Teach(redis, "c:1");
  reader.Await({"a:1", "b:1", "c:1"});
}

TEST(Outage, OneThatVanishesAmongManyIsDropped) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  WatchingReader reader(QuickWatch(redis));
  redis.Call({"HSET", "/service/s/nodes/gone:1", "server", "gone:1"});
  redis.Call({"PEXPIRE", "/service/s/nodes/gone:1", "60000"});
  reader.Await({"a:1", "b:1", "gone:1"});
  Vanish(redis, "gone:1");
  reader.Await({"a:1", "b:1"});
}

TEST(Outage, StopsInTimeWhileRedisHangs) {
  RedisProcess redis;
  RedisTeachersOptions options = QuickWatch(redis);
  options.timeout = seconds(60);
  auto a = Teach(redis, "a:1");
  auto reader = std::make_unique<WatchingReader>(options);
  reader->Await({"a:1"});
  redis.Pause();
  const auto start = std::chrono::steady_clock::now();
  reader.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  redis.Resume();
}

}  // namespace
}  // namespace edl
