// SPDX-License-Identifier: Apache-2.0
// Leases, against a real redis-server: who is listed, for how long, and who may change that.
#include "src/registry/lease_keeper.h"

#include <atomic>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_process.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;
using test::RedisProcess;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const char kNode[] = "/service/s/nodes/a:1";
const char kTeachers[] = "/service/s/teachers";

LeaseOptions Options(const RedisProcess& redis) {
  LeaseOptions options;
  options.redis = redis.url();
  options.service = "s";
  options.endpoint = "a:1";
  options.lease = milliseconds(600);
  options.heartbeat = milliseconds(50);
  options.timeouts = {milliseconds(200), milliseconds(200)};
  return options;
}

std::unique_ptr<LeaseKeeper> Keep(const LeaseOptions& options, LeaseKeeper::HealthCheck healthy = nullptr) {
  auto keeper = LeaseKeeper::Start(options, std::move(healthy));
  EXPECT_TRUE(keeper.ok()) << keeper.status();
  return *std::move(keeper);
}

std::unique_ptr<LeaseKeeper> KeepListed(const LeaseOptions& options, LeaseKeeper::HealthCheck healthy = nullptr) {
  auto keeper = Keep(options, std::move(healthy));
  absl::Status listed = keeper->AwaitListed(seconds(30));
  EXPECT_TRUE(listed.ok()) << listed;
  return keeper;
}

// Until it gives this as the reason why the teacher is not listed; gives all that it says then.
std::string AwaitReason(LeaseKeeper& keeper, const std::string& words) {
  std::string said;
  Eventually([&] {
    said = std::string(keeper.AwaitListed(milliseconds(0)).message());
    return absl::StrContains(said, words);
  });
  return said;
}

TEST(LeaseKeeper, WritesTheLayoutOfTheSchema) {
  RedisProcess redis;
  LeaseOptions options = Options(redis);
  options.model = "resnext101";
  options.info = "gpu 3";
  options.weight = 7;
  options.lease = seconds(60);
  auto keeper = KeepListed(options);
  EXPECT_EQ(redis.Field(kNode, "server"), "a:1");
  EXPECT_EQ(redis.Field(kNode, "info"), "gpu 3");
  EXPECT_EQ(redis.Field(kNode, "model"), "resnext101");
  EXPECT_EQ(redis.Field(kNode, "weight"), "7");
  EXPECT_EQ(redis.Field(kNode, "state"), "serving");
  EXPECT_EQ(redis.Field(kNode, "id").size(), 32u);
  EXPECT_THAT(redis.Members(kTeachers), ElementsAre("a:1"));
  const std::int64_t left = redis.Call({"PTTL", kNode}).integer;
  EXPECT_GT(left, 50'000);
  EXPECT_LE(left, 60'000);
}

TEST(LeaseKeeper, RenewingIsNoChangeOfMembership) {
  RedisProcess redis;
  auto keeper = KeepListed(Options(redis));
  const std::string version = redis.Call({"GET", "/service/s/version"}).text;
  const std::int64_t first = redis.Call({"PEXPIRETIME", kNode}).integer;
  Eventually([&] { return redis.Call({"PEXPIRETIME", kNode}).integer > first; });
  EXPECT_EQ(redis.Call({"GET", "/service/s/version"}).text, version);
}

TEST(LeaseKeeper, StoppingTakesTheTeacherOutAtOnce) {
  RedisProcess redis;
  LeaseOptions options = Options(redis);
  options.lease = seconds(60);
  auto keeper = KeepListed(options);
  keeper->Stop();
  EXPECT_THAT(redis.Members(kTeachers), IsEmpty());
  EXPECT_EQ(redis.Call({"EXISTS", kNode}).integer, 0);
}

TEST(LeaseKeeper, ATeacherThatIsNotWellRunsOutAndComesBackWhenItIs) {
  RedisProcess redis;
  std::atomic<bool> well{false};
  auto keeper =
      Keep(Options(redis), [&] { return well ? absl::OkStatus() : absl::InternalError("the device is lost"); });
  AwaitReason(*keeper, "it is not well, so its lease is not renewed: the device is lost");
  EXPECT_THAT(redis.Members(kTeachers), IsEmpty());
  well = true;
  ASSERT_TRUE(keeper->AwaitListed(seconds(30)).ok());
  well = false;
  Eventually([&] { return redis.Call({"EXISTS", kNode}).integer == 0; });
  well = true;
  Eventually([&] { return redis.Call({"EXISTS", kNode}).integer == 1; });
}

TEST(LeaseKeeper, ATeacherThatDoesNotKnowItsAddressYetIsListedOnceItDoes) {
  RedisProcess redis;
  LeaseOptions options = Options(redis);
  options.endpoint = "0.0.0.0:1";
  std::atomic<bool> known{false};
  options.find_endpoint = [&]() -> absl::StatusOr<std::string> {
    if (!known) return absl::UnavailableError("no name server answers");
    return "a:1";
  };
  auto keeper = Keep(options);
  EXPECT_THAT(AwaitReason(*keeper, "no name server answers"), HasSubstr("teacher 0.0.0.0:1 is not listed"));
  EXPECT_THAT(redis.Members(kTeachers), IsEmpty());
  known = true;
  ASSERT_TRUE(keeper->AwaitListed(seconds(30)).ok());
  EXPECT_EQ(redis.Field(kNode, "server"), "a:1");
}

TEST(LeaseKeeper, AHealthCheckThatThrowsSaysThatTheTeacherIsNotWell) {
  RedisProcess redis;
  auto keeper = Keep(Options(redis), []() -> absl::Status { throw std::runtime_error("the device is lost"); });
  AwaitReason(*keeper, "the device is lost");
}

TEST(LeaseKeeper, DrainingIsListedUntilTheTeacherStops) {
  RedisProcess redis;
  auto keeper = KeepListed(Options(redis), [] { return absl::OkStatus(); });
  const std::string version = redis.Call({"GET", "/service/s/version"}).text;
  absl::Status drained = keeper->Drain(seconds(30));
  ASSERT_TRUE(drained.ok()) << drained;
  EXPECT_EQ(redis.Field(kNode, "state"), "draining");
  EXPECT_NE(redis.Call({"GET", "/service/s/version"}).text, version);
  const std::int64_t first = redis.Call({"PEXPIRETIME", kNode}).integer;
  Eventually([&] { return redis.Call({"PEXPIRETIME", kNode}).integer > first; });
  EXPECT_EQ(redis.Field(kNode, "state"), "draining");
  keeper->Stop();
  EXPECT_THAT(redis.Members(kTeachers), IsEmpty());
}

TEST(LeaseKeeper, DrainingWithoutRedisEndsInTime) {
  RedisProcess redis;
  auto keeper = KeepListed(Options(redis));
  redis.Kill();
  EXPECT_EQ(keeper->Drain(milliseconds(50)).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(LeaseKeeper, RegistersAgainAfterARedisThatWasRestartedEmpty) {
  RedisProcess redis;
  auto keeper = KeepListed(Options(redis));
  const std::string id = redis.Field(kNode, "id");
  redis.Kill();
  redis.RestartEmpty();
  Eventually([&] { return redis.Field(kNode, "id") == id; });
}

TEST(LeaseKeeper, GoesOnAfterARedisThatWasRestartedWithOldData) {
  RedisProcess redis;
  LeaseOptions options = Options(redis);
  auto keeper = KeepListed(options);
  {
    LeaseOptions gone = options;
    gone.endpoint = "gone:1";
    auto other = KeepListed(gone);
    redis.Call({"SAVE"});
  }
  redis.Kill();
  redis.Restart();
  // The old data names a teacher that is no more; its lease runs out like any other.
  Eventually([&] { return redis.Members(kTeachers) == std::vector<std::string>{"a:1"}; });
}

TEST(LeaseKeeper, ComesBackAfterItsEntryWasDeleted) {
  RedisProcess redis;
  auto keeper = KeepListed(Options(redis));
  redis.Call({"FLUSHALL"});
  Eventually([&] { return redis.Field(kNode, "server") == "a:1"; });
  redis.Call({"SCRIPT", "FLUSH"});
  redis.Call({"DEL", kTeachers});
  Eventually([&] { return redis.Members(kTeachers) == std::vector<std::string>{"a:1"}; });
  redis.Call({"DEL", kNode});
  redis.Call({"SET", kNode, "of another kind"});
  Eventually([&] { return redis.Call({"TYPE", kNode}).text == "hash"; });
}

TEST(LeaseKeeper, AnOldInstanceNeitherRenewsNorRemovesANewOne) {
  RedisProcess redis;
  LeaseOptions options = Options(redis);
  options.info = "old";
  auto old = KeepListed(options);
  options.info = "new";
  auto young = KeepListed(options);
  const std::string id = redis.Field(kNode, "id");
  // The old one notices, and goes on trying.
  AwaitReason(*old, "started later");
  EXPECT_EQ(redis.Field(kNode, "info"), "new");
  old->Stop();
  EXPECT_EQ(redis.Field(kNode, "id"), id);
  EXPECT_THAT(redis.Members(kTeachers), ElementsAre("a:1"));
}

TEST(LeaseKeeper, TheNewInstanceWinsTheEndpointBackAfterARestartOfRedis) {
  RedisProcess redis;
  LeaseOptions options = Options(redis);
  options.info = "old";
  auto old = KeepListed(options);
  options.info = "new";
  auto young = KeepListed(options);
  const std::string id = redis.Field(kNode, "id");
  redis.Kill();
  redis.RestartEmpty();
  // Whichever comes first: in the end it is the new one's, and stays so.
  Eventually([&] { return redis.Field(kNode, "id") == id; });
  AwaitReason(*old, "started later");
  EXPECT_EQ(redis.Field(kNode, "id"), id);
}

TEST(LeaseKeeper, TheOldInstanceTakesOverWhenTheNewOneLeaves) {
  RedisProcess redis;
  auto old = KeepListed(Options(redis));
  const std::string id = redis.Field(kNode, "id");
  KeepListed(Options(redis))->Stop();
  Eventually([&] { return redis.Field(kNode, "id") == id; });
}

TEST(LeaseKeeper, UsesUserPasswordAndDatabase) {
  RedisProcess redis(
      {"user default on >admin ~* &* +@all", "user edl on >s3cr%t ~/service/* &/service/* +@all -@admin"});
  LeaseOptions options = Options(redis);
  const std::string port = std::to_string(redis.port());
  options.redis = "redis://edl:s3cr%25t@127.0.0.1:" + port + "/3";
  auto keeper = KeepListed(options);
  const std::string admin = "redis://:admin@127.0.0.1:" + port;
  EXPECT_EQ(redis.Call({"EXISTS", kNode}, admin + "/3").integer, 1);
  EXPECT_EQ(redis.Call({"EXISTS", kNode}, admin).integer, 0);
}

TEST(LeaseKeeper, AWrongPasswordIsSaidWithoutThePassword) {
  RedisProcess redis({"requirepass right"});
  const std::string at = "127.0.0.1:" + std::to_string(redis.port());
  const std::pair<std::string, const char*> cases[] = {
      {"redis://:wr0ng@" + at, "as the default user"},
      {"redis://edl:wr0ng@" + at, "as user 'edl'"},
      {"redis://" + at, "NOAUTH"},
  };
  for (const auto& [url, what] : cases) {
    LeaseOptions options = Options(redis);
    options.redis = url;
    auto keeper = Keep(options);
    const std::string said = AwaitReason(*keeper, "says: ");
    EXPECT_THAT(said, HasSubstr(what));
    EXPECT_THAT(said, HasSubstr(at));
    EXPECT_THAT(said, Not(HasSubstr("wr0ng")));
  }
}

TEST(LeaseKeeper, APasswordThatIsChangedMeanwhileIsRetriedUntilItFitsAgain) {
  RedisProcess redis({"requirepass first"});
  const std::string at = "@127.0.0.1:" + std::to_string(redis.port());
  LeaseOptions options = Options(redis);
  options.redis = "redis://:first" + at;
  auto keeper = KeepListed(options);
  redis.Call({"CONFIG", "SET", "requirepass", "second"}, "redis://:first" + at);
  redis.Call({"CLIENT", "KILL", "TYPE", "normal"}, "redis://:second" + at);
  AwaitReason(*keeper, "WRONGPASS");
  redis.Call({"CONFIG", "SET", "requirepass", "first"}, "redis://:second" + at);
  EXPECT_TRUE(keeper->AwaitListed(seconds(30)).ok());
}

TEST(LeaseKeeper, StartsBeforeRedisDoes) {
  RedisProcess redis;
  redis.Kill();
  auto keeper = Keep(Options(redis));
  AwaitReason(*keeper, "cannot be reached");
  redis.Restart();
  EXPECT_TRUE(keeper->AwaitListed(seconds(30)).ok());
}

TEST(LeaseKeeper, StopsInTimeWhileRedisHangs) {
  RedisProcess redis;
  LeaseOptions options = Options(redis);
  options.timeouts = {seconds(60), seconds(60)};
  auto keeper = KeepListed(options);
  redis.Pause();
  const auto start = std::chrono::steady_clock::now();
  keeper->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  redis.Resume();
}

TEST(LeaseKeeper, GoesOnWhenAHungRedisDoes) {
  RedisProcess redis;
  auto keeper = KeepListed(Options(redis));
  redis.Pause();
  AwaitReason(*keeper, "does not answer in time");
  redis.Resume();
  EXPECT_TRUE(keeper->AwaitListed(seconds(30)).ok());
}

TEST(LeaseKeeper, RefusesOptionsThatMakeNoSense) {
  RedisProcess redis;
  auto refused = [&](void (*change)(LeaseOptions&)) {
    LeaseOptions options = Options(redis);
    change(options);
    absl::Status status = LeaseKeeper::Start(options, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(refused([](LeaseOptions& o) { o.redis = "localhost"; }), HasSubstr("redis: "));
  EXPECT_THAT(refused([](LeaseOptions& o) { o.service = "a/b"; }), HasSubstr("'a/b' is no name of a service"));
  EXPECT_THAT(refused([](LeaseOptions& o) { o.endpoint = "a"; }), HasSubstr("endpoint: 'a'"));
  EXPECT_THAT(refused([](LeaseOptions& o) { o.weight = 0; }), HasSubstr("weight is 0; expected 1 to 1000"));
  EXPECT_THAT(refused([](LeaseOptions& o) { o.heartbeat = o.lease; }), HasSubstr("more than two heartbeats"));
}

}  // namespace
}  // namespace edl
