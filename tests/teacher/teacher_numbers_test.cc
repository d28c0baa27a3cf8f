// SPDX-License-Identifier: Apache-2.0
// What a teacher says of itself.
#include "src/teacher/teacher_numbers.h"

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "src/registry/numbers_publisher.h"

namespace edl {
namespace {

using nlohmann::json;
using std::chrono::seconds;

TEST(TeacherNumbers, SayWhatItServesWhereAndHowFast) {
  const TimePoint start{};
  TeacherNumbers numbers({"resnext101", "7", "torchscript", {}, {}}, "cuda:0", start);
  ServerStats stats;
  stats.rows = 800;
  stats.answered = 20;
  stats.failed = 1;
  stats.in_flight = 7;
  stats.queued = 3;
  stats.latency_p50 = std::chrono::microseconds(1500);
  json said = json::parse(numbers.ToJson(stats, start + seconds(4)));
  EXPECT_EQ(said["role"], "teacher");
  EXPECT_EQ(said["model"], "resnext101");
  EXPECT_EQ(said["version"], "7");
  EXPECT_EQ(said["device"], "cuda:0");
  EXPECT_EQ(said["rows_per_s"], 200);
  EXPECT_EQ(said["in_flight"], 7);
  EXPECT_EQ(said["queued"], 3);
  EXPECT_EQ(said["failed"], 1);
  EXPECT_EQ(said["p50_ms"], 1.5);
  EXPECT_FALSE(said.contains("p99_ms"));
  stats.rows = 900;
  said = json::parse(numbers.ToJson(stats, start + seconds(5)));
  EXPECT_EQ(said["rows_per_s"], 100);
}

TEST(TeacherNumbers, StayWithinTheirBoundWhateverTheNamesAre) {
  const std::string odd(5000, '\x01');  // takes six bytes in JSON
  TeacherNumbers numbers({odd, odd, "", {}, {}}, odd, TimePoint{});
  const std::string text = numbers.ToJson({}, TimePoint{});
  EXPECT_LE(text.size(), kMostNumbersBytes);
  EXPECT_TRUE(json::accept(text));
}

}  // namespace
}  // namespace edl
