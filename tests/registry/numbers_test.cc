// SPDX-License-Identifier: Apache-2.0
// What members show of themselves, against a real redis-server: nothing that goes wrong with it harms a lease.
#include <atomic>
#include <sstream>

#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"
#include "src/base/log.h"
#include "tests/support/eventually.h"
#include "tests/support/watching_reader.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;
using test::QuickWatch;
using test::RedisProcess;
using ::testing::HasSubstr;

const char kNumbers[] = "/service/s/numbers/a:1";

// A teacher whose heartbeats are soon followed by others.
std::unique_ptr<LeaseKeeper> Teach(const std::string& url, std::function<std::string()> numbers) {
  LeaseOptions options;
  options.redis = url;
  options.service = "s";
  options.endpoint = "a:1";
  options.lease = seconds(20);
  options.heartbeat = milliseconds(50);
  options.timeouts = {milliseconds(300), milliseconds(300)};
  options.numbers = std::move(numbers);
  auto keeper = LeaseKeeper::Start(options, nullptr);
  EXPECT_TRUE(keeper.ok()) << keeper.status();
  EXPECT_TRUE((*keeper)->AwaitListed(seconds(30)).ok());
  return *std::move(keeper);
}

// The log of this process, for as long as it lives.
class LogText {
 public:
  LogText() { Log().sinks().push_back(sink_); }
  ~LogText() { Log().sinks().pop_back(); }
  int Count(const std::string& text) const {
    const std::string all = text_.str();
    int count = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
  }
  std::string str() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::sinks::sink> sink_ = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
};

TEST(Numbers, OfATeacherAreThereForSomeLeasesAndGoWhenItLeaves) {
  RedisProcess redis;
  std::atomic<int> calls{0};
  auto keeper = Teach(redis.url(), [&] { return "{\"calls\":" + std::to_string(++calls) + "}"; });
  Eventually([&] { return redis.Call({"GET", kNumbers}).text == "{\"calls\":1}"; });
  const std::int64_t left = redis.Call({"PTTL", kNumbers}).integer;
  EXPECT_GT(left, 40'000);
  EXPECT_LE(left, 60'000);
  Eventually([&] { return redis.Call({"GET", kNumbers}).text == "{\"calls\":2}"; });
  keeper->Stop();
  EXPECT_EQ(redis.Call({"EXISTS", kNumbers}).integer, 0);
}

TEST(Numbers, OfAStudentAreThereForSomeLeasesAndGoWhenItLeaves) {
  RedisProcess redis;
  std::string key;
  {
    std::unique_ptr<TeacherWatcher> watcher = RedisTeachers(QuickWatch(redis));
    watcher->SetNumbers([] { return std::string("{}"); });
    ASSERT_TRUE(watcher->Start([](const TeacherSet&) {}).ok());
    Eventually([&] { return redis.Members("/service/s/students").size() == 1; });
    key = "/service/s/numbers/" + redis.Members("/service/s/students")[0];
    Eventually([&] { return redis.Call({"GET", key}).text == "{}"; });
    EXPECT_GT(redis.Call({"PTTL", key}).integer, 2000);
    EXPECT_LE(redis.Call({"PTTL", key}).integer, 6000);
  }
  EXPECT_EQ(redis.Call({"EXISTS", key}).integer, 0);
}

TEST(Numbers, OfAStudentThatShallShowNoneAreNotWritten) {
  RedisProcess redis;
  RedisTeachersOptions options = QuickWatch(redis);
  options.numbers = milliseconds(0);
  std::atomic<int> calls{0};
  std::unique_ptr<TeacherWatcher> watcher = RedisTeachers(options);
  watcher->SetNumbers([&] { return ++calls, std::string("{}"); });
  ASSERT_TRUE(watcher->Start([](const TeacherSet&) {}).ok());
  Eventually([&] { return redis.Members("/service/s/students").size() == 1; });
  const std::string student = redis.Members("/service/s/students")[0];
  watcher.reset();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(redis.Call({"EXISTS", "/service/s/numbers/" + student}).integer, 0);
}

TEST(Numbers, AreWrittenOnceASecondAtMostHoweverManyHeartbeats) {
  RedisProcess redis;
  std::atomic<int> calls{0};
  const auto start = std::chrono::steady_clock::now();
  auto keeper = Teach(redis.url(), [&] { return ++calls, std::string("{}"); });
  Eventually([&] { return calls >= 3; });
  EXPECT_GE(std::chrono::steady_clock::now() - start, seconds(2));
}

TEST(Numbers, ThatTheUserMayNotWriteAreMissedOnceInTheLogAndHarmNoLease) {
  RedisProcess redis({"user default on >admin ~* &* +@all",
                      "user edl on >pw ~/service/s/nodes/* ~/service/s/teachers ~/service/s/students "
                      "~/service/s/version ~/service/s/changes ~/service/s/facts &* +@all"});
  const std::string at = "@127.0.0.1:" + std::to_string(redis.port());
  LogText log;
  std::atomic<int> calls{0};
  auto keeper = Teach("redis://edl:pw" + at, [&] { return ++calls, std::string("{}"); });
  Eventually([&] { return calls >= 3; });
  EXPECT_TRUE(keeper->AwaitListed(milliseconds(0)).ok());
  EXPECT_EQ(redis.Call({"EXISTS", kNumbers}, "redis://:admin" + at).integer, 0);
  keeper->Stop();
  EXPECT_EQ(log.Count("a:1 does not show how it does"), 1) << log.str();
  EXPECT_THAT(log.str(), HasSubstr("NOPERM"));
}

// The user of docs/registry.md.
TEST(Numbers, MayBeWrittenByAUserThatMayDoNoMoreThanItMust) {
  RedisProcess redis({"user default on >admin ~* &* +@all",
                      "user edl on >pw ~/service/* &/service/* -@all +@connection +@scripting +@read +@write +@pubsub "
                      "+role +time"});
  const std::string at = "@127.0.0.1:" + std::to_string(redis.port());
  auto keeper = Teach("redis://edl:pw" + at, [] { return std::string("{}"); });
  Eventually([&] { return redis.Call({"GET", kNumbers}, "redis://:admin" + at).text == "{}"; });
}

TEST(Numbers, ThatAreTooLongOrThatThrowAreNotWrittenAndHarmNoLease) {
  RedisProcess redis;
  LogText log;
  std::atomic<int> calls{0};
  auto keeper = Teach(redis.url(), [&]() -> std::string {
    if (++calls % 2 == 0) throw std::runtime_error("no numbers today");
    return std::string(kMostNumbersBytes + 1, ' ');
  });
  Eventually([&] { return calls >= 3; });
  EXPECT_TRUE(keeper->AwaitListed(milliseconds(0)).ok());
  EXPECT_EQ(redis.Call({"EXISTS", kNumbers}).integer, 0);
  keeper->Stop();
  EXPECT_EQ(log.Count("a:1 does not show how it does"), 1) << log.str();
  EXPECT_THAT(log.str(), HasSubstr("have 4097 bytes; expected 4096 at most"));
}

TEST(Numbers, ComeBackWithARedisThatWasAway) {
  RedisProcess redis;
  auto keeper = Teach(redis.url(), [] { return std::string("{}"); });
  redis.Kill();
  redis.RestartEmpty();
  Eventually([&] { return redis.Call({"GET", kNumbers}).text == "{}"; });
  redis.Pause();
  redis.Resume();
  redis.Call({"DEL", kNumbers});
  Eventually([&] { return redis.Call({"GET", kNumbers}).text == "{}"; });
}

TEST(Numbers, OfATeacherThatHasLostItsEndpointDoNotReplaceTheOthers) {
  RedisProcess redis;
  std::atomic<int> of_old{0};
  auto old = Teach(redis.url(), [&] { return ++of_old, std::string("old"); });
  auto young = Teach(redis.url(), [] { return std::string("young"); });
  Eventually([&] { return !old->AwaitListed(milliseconds(0)).ok(); });
  const int before = of_old;
  Eventually([&] { return redis.Call({"GET", kNumbers}).text == "young"; });
  redis.Call({"DEL", kNumbers});
  Eventually([&] { return redis.Call({"GET", kNumbers}).text == "young"; });
  EXPECT_EQ(of_old, before);
  old->Stop();  // and does not take them away
  EXPECT_EQ(redis.Call({"GET", kNumbers}).text, "young");
}

}  // namespace
}  // namespace edl
