// SPDX-License-Identifier: Apache-2.0
// What a student says of itself: the recent time, within a bound; and that a reader says it.
#include "src/reader/student_numbers.h"

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "src/registry/numbers_publisher.h"
#include "tests/support/eventually.h"
#include "tests/support/rows.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

ReaderStats StatsAt(seconds wall, std::int64_t rows) {
  ReaderStats stats;
  stats.wall = wall;
  stats.rows = rows;
  LaneStats lane;
  lane.endpoint = "a:1";
  lane.state = "ready";
  lane.completed = rows / 10;
  lane.rows = rows;
  lane.in_flight = 2;
  lane.window = 4;
  lane.latency = lane.completed * milliseconds(8);
  stats.lanes = {lane};
  return stats;
}

TEST(StudentNumbers, AreThoseOfTheTimeSinceTheLastOnes) {
  StudentNumbers numbers;
  numbers.ToJson(StatsAt(seconds(100), 1000));
  ReaderStats stats = StatsAt(seconds(102), 1400);
  stats.student.waited_for_teachers = milliseconds(500);
  stats.source_waited_for_student = seconds(10);   // counted when a wait ends, so it may be longer than that time
  stats.lanes[0].latency += 40 * milliseconds(3);  // the last 40 took longer
  const json said = json::parse(numbers.ToJson(stats));
  EXPECT_EQ(said["role"], "student");
  EXPECT_EQ(said["rows_per_s"], 200);
  EXPECT_EQ(said["waited_for_teachers"], 0.25);
  EXPECT_EQ(said["waited"], 0.25);
  EXPECT_EQ(said["waited_for_source"], 0);
  EXPECT_EQ(said["source_waited_for_student"], 1);
  ASSERT_EQ(said["lanes"].size(), 1u);
  EXPECT_EQ(said["lanes"][0]["endpoint"], "a:1");
  EXPECT_EQ(said["lanes"][0]["rows_per_s"], 200);
  EXPECT_EQ(said["lanes"][0]["window"], 4);
  EXPECT_EQ(said["lanes"][0]["latency_ms"], 11);
  EXPECT_EQ(said["verdict"],
            "teacher-bound: the student waits 25 % of the time; 1 more teacher like this would feed it");
}

TEST(StudentNumbers, OfALaneThatWasUsedAgainBeginAnew) {
  StudentNumbers numbers;
  ReaderStats stats = StatsAt(seconds(100), 1000);
  stats.lanes[0].attempts = 100;
  numbers.ToJson(stats);
  const json said = json::parse(numbers.ToJson(StatsAt(seconds(102), 200)));
  EXPECT_EQ(said["lanes"][0]["rows_per_s"], 100);
}

TEST(StudentNumbers, StayWithinTheirBoundAndCountTheLanesThatHadNoRoom) {
  ReaderStats stats = StatsAt(seconds(1), 1000);
  stats.lanes.resize(500, stats.lanes[0]);
  stats.lanes[0].endpoint = "\xff\n\x1b[31m";  // no endpoint of ours, and still JSON
  const std::string text = StudentNumbers().ToJson(stats);
  EXPECT_LE(text.size(), kMostNumbersBytes);
  EXPECT_GE(text.size(), kMostNumbersBytes - 256);
  const json said = json::parse(text);
  EXPECT_EQ(said["lanes"].size() + said["more_lanes"].get<std::size_t>(), 500u);
}

TEST(StudentNumbers, AreShownByAReaderThatReads) {
  test::RedisProcess redis;
  auto teacher = test::StartTeacher();
  auto lease = test::Teach(redis, teacher->endpoint());
  auto reader = test::NewReader(test::BatchesOf(1'000'000, 8), RedisTeachers(test::QuickWatch(redis)));
  json said;
  test::Eventually([&] {
    EXPECT_TRUE(reader->Next().ok());
    const std::vector<std::string> students = redis.Members("/service/s/students");
    if (students.size() != 1) return false;
    said = json::parse(redis.Call({"GET", "/service/s/numbers/" + students[0]}).text, nullptr, false);
    return said.is_object() && said["rows"] > 0;
  });
  ASSERT_EQ(said["lanes"].size(), 1u);
  EXPECT_EQ(said["lanes"][0]["endpoint"], teacher->endpoint());
  EXPECT_EQ(said["lanes"][0]["state"], "ready");
}

}  // namespace
}  // namespace edl
