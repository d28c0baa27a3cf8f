// SPDX-License-Identifier: Apache-2.0
// What one store does, against a real redis-server.
#include "src/registry/registry_store.h"

#include "gmock/gmock.h"
#include "src/registry/redis_connect.h"
#include "tests/support/redis_process.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using test::RedisProcess;
using ::testing::UnorderedElementsAre;

constexpr char kScanner[] = "/service/s/scanner";

class ForeignScanTest : public ::testing::Test {
 protected:
  // Other keys for many pages, and two foreign teachers.
  void SetUp() override {
    for (int i = 0; i < 50; ++i) {
      std::vector<std::string> words = {"MSET"};
      for (int k = 0; k < 200; ++k) words.insert(words.end(), {"key" + std::to_string(200 * i + k), "x"});
      redis_.Call(words);
    }
    for (const std::string endpoint : {"python:1", "python:2"}) {
      redis_.Call({"HSET", "/service/s/nodes/" + endpoint, "server", endpoint});
      redis_.Call({"PEXPIRE", "/service/s/nodes/" + endpoint, "600000"});
    }
  }

  absl::Status Look(ForeignScan& scan, const std::string& student, milliseconds period = minutes(10)) {
    return store_.ListForeignTeachers(scan, student, period);
  }

  RedisProcess redis_;
  Interrupt interrupt_;
  std::unique_ptr<RedisConnection> connection_ =
      ConnectToRedis(RedisAddress::Parse(redis_.url()).value(), {minutes(1), minutes(1)}, interrupt_).value();
  RegistryStore store_{*connection_, "s"};
};

TEST_F(ForeignScanTest, TakesManyCallsSoThatHeartbeatsComeBetween) {
  ForeignScan scan;
  int calls = 0;
  do {
    ASSERT_TRUE(Look(scan, "me").ok());
    ++calls;
  } while (scan.running());
  EXPECT_GE(calls, 5);
  EXPECT_THAT(redis_.Members("/service/s/teachers"), UnorderedElementsAre("python:1", "python:2"));
}

TEST_F(ForeignScanTest, IsItsStudentsOwnUntilItEndsHoweverLongThatTakes) {
  ForeignScan scan;
  ASSERT_TRUE(Look(scan, "me").ok());
  redis_.Call({"PEXPIRE", kScanner, "60000"});  // most of the period has passed
  ASSERT_TRUE(Look(scan, "me").ok());
  EXPECT_GT(redis_.Call({"PTTL", kScanner}).integer, 60'000);
  ForeignScan other;
  ASSERT_TRUE(Look(other, "you").ok());
  EXPECT_FALSE(other.running());
  EXPECT_EQ(redis_.Call({"GET", kScanner}).text, "me");
}

TEST_F(ForeignScanTest, GoesOnWhenItsTurnRanOutAndNobodyElseTookIt) {
  ForeignScan scan;
  ASSERT_TRUE(Look(scan, "me").ok());
  redis_.Call({"DEL", kScanner});
  const std::string before = scan.cursor;
  ASSERT_TRUE(Look(scan, "me").ok());
  EXPECT_TRUE(scan.running());
  EXPECT_NE(scan.cursor, before);
  EXPECT_EQ(redis_.Call({"GET", kScanner}).text, "me");
}

TEST_F(ForeignScanTest, IsOverWhenAnotherStudentHasBegun) {
  ForeignScan scan;
  ASSERT_TRUE(Look(scan, "me").ok());
  ASSERT_TRUE(scan.running());
  redis_.Call({"DEL", kScanner});
  ForeignScan other;
  ASSERT_TRUE(Look(other, "you").ok());
  EXPECT_TRUE(other.running());
  ASSERT_TRUE(Look(scan, "me").ok());
  EXPECT_FALSE(scan.running());
  EXPECT_EQ(redis_.Call({"GET", kScanner}).text, "you");
}

}  // namespace
}  // namespace edl
