// SPDX-License-Identifier: Apache-2.0
// edl-teacher and a reader that find each other in a real Redis.
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "edl/testing/teacher_process.h"
#include "gmock/gmock.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_process.h"
#include "tests/support/rows.h"
#include "tests/support/script_file.h"

namespace edl {
namespace {

using test::Eventually;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TeacherProcess;

// What TeacherProcess::Start says of an edl-teacher of the rows model (tests/support/rows.h).
absl::StatusOr<std::unique_ptr<TeacherProcess>> TryTeacher(const std::vector<std::string>& more) {
  static const std::string& file = *new std::string(
      test::SaveScript("def forward(self, x: Tensor) -> Tensor:\n"
                       "    id = x[:, 0]\n"
                       "    salt = x[:, 1]\n"
                       "    return torch.stack([id + salt, 3 * id - salt, torch.bitwise_xor(id, salt)], 1)\n"));
  std::vector<std::string> arguments = {EDL_TEACHER, "--model",      file,       "--name",           "rows",
                                        "--input",   "x:INT64:-1,2", "--output", "score:INT64:-1,3", "--log-level",
                                        "warn",      "--port",       "0"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return TeacherProcess::Start(arguments);
}

std::unique_ptr<TeacherProcess> StartTeacher(const std::vector<std::string>& more) {
  auto teacher = TryTeacher(more);
  EXPECT_TRUE(teacher.ok()) << teacher.status();
  return *std::move(teacher);
}

std::string PortOf(const std::string& endpoint) {
  return endpoint.substr(endpoint.rfind(':') + 1);
}

TEST(RegisteredTeacher, IsFoundTeachesDrainsAndLeavesNothingBehind) {
  test::RedisProcess redis;
  auto reader = test::NewReader(test::BatchesOf(100'000'000, 8), RedisTeachers({redis.url(), "rows"}));
  auto first = StartTeacher({"--host", "127.0.0.1", "--redis", redis.url(), "--service", "rows", "--weight", "3"});
  std::int64_t i = 0;
  auto read_until = [&](auto enough) {
    while (!enough()) {
      auto batch = reader->Next();
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(**batch, 8 * i++, 8));
    }
  };
  read_until([&] { return i >= 50; });
  const std::string key = "/service/rows/nodes/" + first->endpoint();
  EXPECT_EQ(redis.Field(key, "server"), first->endpoint());
  EXPECT_EQ(redis.Field(key, "model"), "rows");
  EXPECT_EQ(redis.Field(key, "weight"), "3");
  EXPECT_EQ(redis.Field(key, "state"), "serving");

  auto second = StartTeacher({"--host", "127.0.0.1", "--redis", redis.url(), "--service", "rows"});
  auto works = [&](const std::string& endpoint) {
    for (const LaneStats& lane : reader->Stats().lanes) {
      if (lane.endpoint == endpoint) return lane.completed > 0;
    }
    return false;
  };
  read_until([&] { return works(second->endpoint()); });
  first->Terminate();
  read_until([&, before = i] { return i >= before + 100; });
  EXPECT_EQ(first->Wait(), 0);
  EXPECT_THAT(redis.Members("/service/rows/teachers"), ElementsAre(second->endpoint()));
  EXPECT_EQ(redis.Field(key, "server"), "");
  read_until([&, before = i] { return i >= before + 100; });
}

TEST(RegisteredTeacher, ShowsHowItDoes) {
  test::RedisProcess redis;
  auto teacher = StartTeacher({"--host", "127.0.0.1", "--redis", redis.url(), "--service", "rows", "--model-version",
                               "2026", "--device", "cpu"});
  auto reader = test::NewReader(test::BatchesOf(100, 8), FixedTeachers({teacher->endpoint()}));
  test::ExpectEpoch(*reader, 0, 100, 8);
  const std::string key = "/service/rows/numbers/" + teacher->endpoint();
  std::string said;
  Eventually([&] {
    said = redis.Call({"GET", key}).text;
    return !said.empty() && said.find("\"rows\":0,") == std::string::npos;
  });
  EXPECT_THAT(said, HasSubstr("\"model\":\"rows\",\"version\":\"2026\",\"device\":\"cpu\""));
  teacher->Terminate();
  EXPECT_EQ(teacher->Wait(), 0);
  EXPECT_EQ(redis.Call({"EXISTS", key}).integer, 0);
}

TEST(RegisteredTeacher, ThatListensEverywhereIsReachedByItsAddressTowardsRedis) {
  test::RedisProcess redis;
  auto teacher = StartTeacher({"--host", "0.0.0.0", "--redis", redis.url(), "--service", "rows"});
  const std::string endpoint = "127.0.0.1:" + PortOf(teacher->endpoint());
  Eventually([&] { return redis.Field("/service/rows/nodes/" + endpoint, "server") == endpoint; });
}

TEST(RegisteredTeacher, MayListenOnAUnixSocketFirst) {
  test::RedisProcess redis;
  const std::string socket = "unix:" + ::testing::TempDir() + "/edl-" + std::to_string(getpid()) + ".sock";
  auto teacher =
      StartTeacher({"--listen", socket, "--listen", "0.0.0.0:0", "--redis", redis.url(), "--service", "rows"});
  EXPECT_EQ(teacher->endpoint(), socket);
  Eventually([&] { return redis.Members("/service/rows/teachers").size() == 1; });
  EXPECT_THAT(redis.Members("/service/rows/teachers"), ElementsAre(::testing::StartsWith("127.0.0.1:")));
}

TEST(RegisteredTeacher, ServesThoughRedisHostCannotBeLookedUp) {
  const std::string nowhere = "redis://" + std::string(64, 'x') + ":6379";  // too long a name for any DNS
  auto teacher = StartTeacher({"--host", "0.0.0.0", "--redis", nowhere, "--service", "rows"});
  auto reader = test::NewReader(test::BatchesOf(100, 8), FixedTeachers({"127.0.0.1:" + PortOf(teacher->endpoint())}));
  test::ExpectEpoch(*reader, 0, 100, 8);
  teacher->Terminate();
  EXPECT_EQ(teacher->Wait(), 0);
}

TEST(RegisteredTeacher, AdvertisesWhatItIsTold) {
  test::RedisProcess redis;
  auto teacher = StartTeacher({"--redis", redis.url(), "--service", "rows", "--advertise", "teacher-7.example:9898"});
  Eventually([&] { return !redis.Members("/service/rows/teachers").empty(); });
  EXPECT_THAT(redis.Members("/service/rows/teachers"), ElementsAre("teacher-7.example:9898"));
}

TEST(RegisteredTeacher, RegistersWhenRedisComesAndAgainWhenItHasForgotten) {
  test::RedisProcess redis;
  redis.Kill();
  auto teacher = StartTeacher({"--host", "127.0.0.1", "--redis", redis.url(), "--service", "rows"});
  for (int restart = 0; restart < 2; ++restart) {
    redis.RestartEmpty();
    Eventually([&] { return !redis.Members("/service/rows/teachers").empty(); });
  }
}

TEST(RegisteredTeacher, SaysWhatIsWrongWithItsRegistryBeforeItLoadsAnything) {
  auto why_not = [](const std::vector<std::string>& more) {
    std::string command = EDL_TEACHER " --model /no/such.pt --port 0";
    for (const std::string& word : more) command += " '" + word + "'";
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
    std::string text;
    char buffer[4096];
    while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, got);
    return text;
  };
  EXPECT_THAT(why_not({"--redis", "http://user:hunter2@x", "--service", "s"}), HasSubstr("redis"));
  EXPECT_THAT(why_not({"--redis", "http://user:hunter2@x", "--service", "s"}), ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(why_not({"--redis", "redis://127.0.0.1:1"}), HasSubstr("service"));
  EXPECT_THAT(why_not({"--service", "s"}), HasSubstr("--redis"));
  EXPECT_THAT(why_not({"--redis", "redis://127.0.0.1:1", "--service", "s", "--advertise", "nowhere"}),
              HasSubstr("'nowhere' is no endpoint"));
  EXPECT_THAT(why_not({"--redis", "redis://127.0.0.1:1", "--service", "s", "--listen", "unix:/tmp/edl-x.sock"}),
              HasSubstr("for this machine only"));
}

}  // namespace
}  // namespace edl
