// SPDX-License-Identifier: Apache-2.0
// Somebody writes what they like into the registry, a real Redis: a student that knows good teachers goes on with them,
// in bounded memory, and with a log that can still be read.
#include <algorithm>
#include <sstream>

#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"
#include "src/base/log.h"
#include "src/registry/registry_store.h"
#include "tests/support/memory_peak.h"
#include "tests/support/student.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using test::RedisProcess;
using ::testing::HasSubstr;
using ::testing::Not;

// What the library logs while it lives.
class LogLines {
 public:
  LogLines() : sinks_(Log().sinks()) { Log().sinks() = {std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)}; }
  ~LogLines() { Log().sinks() = sinks_; }

  // When nobody logs any more.
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::vector<spdlog::sink_ptr> sinks_;
};

// `count` members of names that `form` makes of a number; a slice at a time: Redis answers nobody while a script runs.
void Flood(RedisProcess& redis, const std::string& key, const std::string& form, int count) {
  constexpr int kSlice = 50'000;
  const std::string script = R"lua(
    local expiry = redis.call('TIME')[1] * 1000 + 600000
    for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
      redis.call('ZADD', KEYS[1], expiry, string.format(ARGV[1], i))
    end)lua";
  for (int first = 1; first <= count; first += kSlice) {
    const int last = std::min(count, first + kSlice - 1);
    redis.Call({"EVAL", script, "1", key, form, std::to_string(first), std::to_string(last)});
  }
  redis.Call({"INCRBY", "/service/s/version", "5000"});
  redis.Call({"PUBLISH", "/service/s/events", "x"});
}

// Redis takes its time for a flood.
RedisTeachersOptions PatientWatch(const RedisProcess& redis) {
  RedisTeachersOptions options = test::QuickWatch(redis);
  options.timeout = std::chrono::seconds(20);
  return options;
}

struct Good {
  explicit Good(RedisProcess& redis) : teacher(test::StartTeacher()), lease(test::Teach(redis, teacher->endpoint())) {}

  std::unique_ptr<testing::FakeTeacher> teacher;
  std::unique_ptr<LeaseKeeper> lease;
};

TEST(GarbageRegistry, EndpointsThatAreNoneAreLeftOutAndOneLineSaysSo) {
  LogLines log;
  {
    RedisProcess redis;
    Good good(redis);
    const std::string far = "99999999999999";
    for (const std::string& bad :
         {std::string("../"), std::string("../../etc/passwd:80"), std::string("http://evil/:80"),
          std::string("xds:///x:1"), std::string("unix:relative"), std::string("a\nb:80"),
          std::string("\x1b[31mred:80"), std::string("\xff\xfe:80"), std::string("h\0st:80", 7),
          std::string(100'000, 'x'), std::string(""), std::string("host:99999")}) {
      redis.Call({"ZADD", "/service/s/teachers", far, bad});
      redis.Call({"ZADD", "/service/s/students", far, bad});
    }
    Flood(redis, "/service/s/teachers", "no endpoint %d", 10'000);
    test::Student student(RedisTeachers(PatientWatch(redis)));
    ASSERT_TRUE(student.AwaitRows(1000));
    EXPECT_EQ(student.stats().lanes.size(), 1u);
  }
  EXPECT_THAT(log.text(), HasSubstr("that is left out"));
  EXPECT_THAT(log.text(), HasSubstr(" more"));
  EXPECT_THAT(log.text(), Not(HasSubstr("\x1b[31mred")));
  EXPECT_LT(log.text().size(), 5000u) << log.text().substr(0, 2000);
}

TEST(GarbageRegistry, AMillionRegistrationsAreNotBelievedAndWhoIsKnownTeachesOn) {
  LogLines log;
  {
    RedisProcess redis;
    Good good(redis);
    test::Student student(RedisTeachers(PatientWatch(redis)));
    ASSERT_TRUE(student.AwaitRows(100));
    const test::MemoryPeak peak;
    Flood(redis, "/service/s/teachers", "10.0.0.1:%d", 1'000'000);
    // It goes on while the student's lease is renewed and the registry read again and again.
    const std::int64_t version = redis.Call({"GET", "/service/s/version"}).integer;
    ASSERT_TRUE(student.AwaitRows(5000)) << version;
    EXPECT_EQ(student.lane(good.teacher->endpoint()).state, "ready");
    EXPECT_EQ(student.stats().lanes.size(), 1u);
    EXPECT_LT(peak.Megabytes(), 200);
    // And it reads again when the flood is gone.
    redis.Call({"DEL", "/service/s/teachers"});
    Good another(redis);
    ASSERT_TRUE(
        student.Await("the new teacher", [&] { return student.lane(another.teacher->endpoint()).completed > 0; }));
  }
  EXPECT_THAT(log.text(), HasSubstr("of either are nonsense"));
  EXPECT_LT(log.text().size(), 5000u) << log.text().substr(0, 2000);
}

TEST(GarbageRegistry, AMillionStudentsTakeNoTeacherAway) {
  RedisProcess redis;
  Good good(redis);
  test::Student student(RedisTeachers(PatientWatch(redis)));
  ASSERT_TRUE(student.AwaitRows(100));
  Flood(redis, "/service/s/students", "student-%d/0", 1'000'000);
  ASSERT_TRUE(student.AwaitRows(5000));
  EXPECT_EQ(student.lane(good.teacher->endpoint()).state, "ready");
}

TEST(GarbageRegistry, AMemberOfSeventyMegabytesIsNotReadToItsEnd) {
  RedisProcess redis;
  Good good(redis);
  test::Student student(RedisTeachers(PatientWatch(redis)));
  ASSERT_TRUE(student.AwaitRows(100));
  const test::MemoryPeak peak;
  redis.Call({"EVAL",
              "redis.call('ZADD', KEYS[1], 99999999999999, string.rep('x', 70000000))"
              "redis.call('INCRBY', KEYS[2], 5000) redis.call('PUBLISH', KEYS[3], string.rep('y', 70000000))",
              "3", "/service/s/teachers", "/service/s/version", "/service/s/events"});
  ASSERT_TRUE(student.AwaitRows(5000));
  EXPECT_EQ(student.lane(good.teacher->endpoint()).state, "ready");
  EXPECT_LT(peak.Megabytes(), 500);
}

}  // namespace
}  // namespace edl
