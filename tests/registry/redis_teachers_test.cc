// SPDX-License-Identifier: Apache-2.0
// What a watcher tells its reader, against a real redis-server.
#include "edl/teachers.h"

#include "gmock/gmock.h"
#include "tests/support/eventually.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;
using test::QuickWatch;
using test::RedisProcess;
using test::Teach;
using test::WatchingReader;
using ::testing::HasSubstr;

TEST(RedisTeachers, TellsWhoIsThereAndWhoComesAndGoes) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  WatchingReader reader(QuickWatch(redis));
  reader.Await({"a:1"});
  auto b = Teach(redis, "b:1");
  reader.Await({"a:1", "b:1"});
  ASSERT_TRUE(a->Drain(seconds(30)).ok());
  reader.Await({"b:1"});
  a->Stop();
  auto c = Teach(redis, "c:1");
  reader.Await({"b:1", "c:1"});
}

TEST(RedisTeachers, AllThatTakeThemselvesOutAreLetGo) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  WatchingReader reader(QuickWatch(redis));
  reader.Await({"a:1", "b:1"});
  a->Stop();
  b->Stop();
  reader.Await({});
}

TEST(RedisTeachers, ChangesArePushed) {
  RedisProcess redis;
  RedisTeachersOptions options = QuickWatch(redis);
  options.poll = std::chrono::minutes(10);
  options.lease = std::chrono::hours(1);
  options.foreign_scan = milliseconds(0);
  WatchingReader reader(options);
  Eventually([&] { return redis.Call({"PUBSUB", "CHANNELS"}).elements.size() == 1; });
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
}

// The user of docs/registry.md.
TEST(RedisTeachers, AUserThatMayDoNoMoreThanItMustSuffices) {
  RedisProcess redis({"user default on >admin ~* &* +@all",
                      "user edl on >pw ~/service/* &/service/* -@all +@connection +@scripting +@read +@write +@pubsub "
                      "+role +time"});
  const std::string at = "@127.0.0.1:" + std::to_string(redis.port());
  RedisTeachersOptions options = QuickWatch(redis);
  options.redis = "redis://edl:pw" + at;
  options.poll = std::chrono::minutes(10);
  options.lease = std::chrono::hours(1);
  WatchingReader reader(options);
  Eventually([&] { return redis.Call({"PUBSUB", "CHANNELS"}, "redis://:admin" + at).elements.size() == 1; });
  auto a = Teach(redis, "a:1", options.redis);
  reader.Await({"a:1"});
  redis.Call({"HSET", "/service/s/nodes/python:1", "server", "python:1", "info", "{}"}, "redis://:admin" + at);
  reader.Await({"a:1", "python:1"});
}

TEST(RedisTeachers, WithoutTheRightToListenChangesArePolled) {
  RedisProcess redis({"user default on nopass ~* resetchannels +@all"});
  WatchingReader reader(QuickWatch(redis));
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
  auto b = Teach(redis, "b:1");
  reader.Await({"a:1", "b:1"});
}

TEST(RedisTeachers, AReaderThatLeavesIsTakenOutAtOnce) {
  RedisProcess redis;
  {
    WatchingReader reader(QuickWatch(redis));
    Eventually([&] { return redis.Members("/service/s/students").size() == 1; });
  }
  EXPECT_TRUE(redis.Members("/service/s/students").empty());
}

TEST(RedisTeachers, RefuseOptionsThatMakeNoSense) {
  auto refused = [](void (*change)(RedisTeachersOptions&)) {
    RedisTeachersOptions options;
    options.redis = "redis://:secret@localhost:1";
    options.service = "s";
    change(options);
    absl::Status status = RedisTeachers(options)->Start([](const TeacherSet&) {});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("secret")));
    return std::string(status.message());
  };
  EXPECT_THAT(refused([](auto& o) { o.redis = "redis://:secret@h:x"; }),
              HasSubstr("redis: the Redis address has a port"));
  EXPECT_THAT(refused([](auto& o) { o.service = ""; }), HasSubstr("'' is no name of a service"));
  EXPECT_THAT(refused([](auto& o) { o.poll = milliseconds(0); }), HasSubstr("poll (ms) is 0; expected 10 to"));
  EXPECT_THAT(refused([](auto& o) { o.lease = o.poll; }), HasSubstr("lease (ms)"));
  EXPECT_THAT(refused([](auto& o) { o.missing_grace = milliseconds(-1); }), HasSubstr("missing_grace"));
  EXPECT_THAT(refused([](auto& o) { o.timeout = milliseconds(1); }), HasSubstr("timeout"));
}

TEST(RedisTeachers, SayWhereTheyComeFromWithoutThePassword) {
  RedisTeachersOptions options;
  options.redis = "rediss://edl:secret@h:1/2";
  options.service = "resnext101";
  EXPECT_EQ(RedisTeachers(options)->ToString(), "those of service resnext101 at rediss://edl:***@h:1/2");
}

}  // namespace
}  // namespace edl
