// SPDX-License-Identifier: Apache-2.0
// Teachers that EDL's Python tools registered, in a real redis-server.
#include "tests/support/eventually.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using test::Endpoints;
using test::Eventually;
using test::QuickWatch;
using test::RedisProcess;
using test::Teach;
using test::Vanish;
using test::WatchingReader;

TEST(ForeignTeachers, ThoseOfThePythonToolsAreFound) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  WatchingReader reader(QuickWatch(redis));
  reader.Await({"a:1"});
  redis.Call({"HSET", "/service/s/nodes/python:1", "server", "python:1", "info", "{}"});
  redis.Call({"PEXPIRE", "/service/s/nodes/python:1", "60000"});
  redis.Call({"HSET", "/service/other/nodes/no:1", "server", "no:1", "info", "{}"});
  reader.Await({"a:1", "python:1"});
  // Renewed its own way, it stays; when it is gone, it goes.
  redis.Call({"ZADD", "/service/s/teachers", "1", "python:1"});
  Eventually([&] { return redis.Call({"ZSCORE", "/service/s/teachers", "python:1"}).text != "1"; });
  EXPECT_EQ(reader.endpoints(), (Endpoints{"a:1", "python:1"}));
  Vanish(redis, "python:1");
  reader.Await({"a:1"});
}

TEST(ForeignTeachers, LookingForThoseOfThePythonToolsCanBeTurnedOff) {
  RedisProcess redis;
  redis.Call({"HSET", "/service/s/nodes/python:1", "server", "python:1", "info", "{}"});
  RedisTeachersOptions options = QuickWatch(redis);
  options.foreign_scan = milliseconds(0);
  WatchingReader reader(options);
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
  EXPECT_EQ(redis.Call({"EXISTS", "/service/s/scanner"}).integer, 0);
}

}  // namespace
}  // namespace edl
