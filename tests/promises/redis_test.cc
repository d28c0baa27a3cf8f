// SPDX-License-Identifier: Apache-2.0
// Promise 6, Redis is not in the data path; and of promise 5 what a registry adds: teachers join and leave by it.
#include <map>

#include "src/registry/lease_keeper.h"
#include "tests/support/redis_process.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::RedisProcess;

RedisTeachersOptions Options(const RedisProcess& redis) {
  RedisTeachersOptions options;
  options.redis = redis.url();
  options.service = "rows";
  options.poll = milliseconds(100);
  options.lease = milliseconds(1000);
  options.timeout = milliseconds(200);
  return options;
}

// A teacher that registers.
struct Teacher {
  explicit Teacher(const RedisProcess& redis) : server(test::StartTeacher(Slow())) {
    LeaseOptions options;
    options.redis = redis.url();
    options.service = "rows";
    options.endpoint = server->endpoint();
    options.lease = milliseconds(1000);
    options.heartbeat = milliseconds(100);
    options.timeouts = {milliseconds(200), milliseconds(200)};
    lease = LeaseKeeper::Start(options, nullptr).value();
  }
  static testing::FakeTeacherOptions Slow() {
    testing::FakeTeacherOptions options;
    options.delay = [](const auto&) { return std::chrono::microseconds(300); };
    return options;
  }
  std::int64_t calls() const { return server->calls(); }

  std::unique_ptr<testing::FakeTeacher> server;
  std::unique_ptr<LeaseKeeper> lease;
};

// Reads batches of four rows of one epoch without end, and checks each.
class Training {
 public:
  explicit Training(const RedisProcess& redis)
      : reader_(test::NewReader(test::BatchesOf(100'000'000, 4), RedisTeachers(Options(redis)))) {}

  void Until(const std::function<bool()>& enough) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(60);
    do {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it never came";
      auto batch = reader_->Next();
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_TRUE(batch->has_value());
      ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(**batch, 4 * i_, 4));
      ++i_;
    } while (!enough());
  }
  void Go(std::int64_t batches) {
    const std::int64_t from = i_;
    Until([&] { return i_ >= from + batches; });
  }
  std::string StateOf(const Teacher& teacher) const {
    for (const LaneStats& lane : reader_->Stats().lanes) {
      if (lane.endpoint == teacher.server->endpoint()) return lane.state;
    }
    return "unknown";
  }

 private:
  std::unique_ptr<DistillReader> reader_;
  std::int64_t i_ = 0;
};

TEST(Redis, TeachersJoinAndLeaveByTheRegistryAndNothingIsLost) {
  RedisProcess redis;
  Training training(redis);  // before any teacher
  Teacher first(redis);
  training.Go(100);
  Teacher second(redis);
  training.Until([&] { return second.calls() > 10; });
  ASSERT_TRUE(first.lease->Drain(seconds(30)).ok());
  training.Until([&] { return training.StateOf(first) == "closed"; });
  first.lease->Stop();
  first.server.reset();
  training.Go(100);
}

TEST(Redis, MayHangOrBeKilledOrLoseItsDataWhileTheTrainingGoesOn) {
  RedisProcess redis;
  Teacher first(redis);
  Teacher second(redis);
  Training training(redis);
  training.Until([&] { return first.calls() > 10 && second.calls() > 10; });
  const std::map<std::string, std::function<void()>> faults = {
      {"1 hangs", [&] { redis.Pause(); }},
      {"2 goes on", [&] { redis.Resume(); }},
      {"3 is killed", [&] { redis.Kill(); }},
      {"4 is back without its data", [&] { redis.RestartEmpty(); }},
      {"5 loses its data again", [&] { redis.Call({"FLUSHALL"}); }},
  };
  for (const auto& [name, strike] : faults) {
    SCOPED_TRACE(name);
    strike();
    // For longer than a lease: both teachers go on being used.
    const auto until = std::chrono::steady_clock::now() + milliseconds(1500);
    ASSERT_NO_FATAL_FAILURE(training.Until([&] { return std::chrono::steady_clock::now() > until; }));
    const std::int64_t a = first.calls(), b = second.calls();
    ASSERT_NO_FATAL_FAILURE(training.Until([&] { return first.calls() > a && second.calls() > b; }));
  }
  Teacher third(redis);
  training.Until([&] { return third.calls() > 10; });
}

TEST(Redis, TwoReadersOfOneServiceShareItsTeachers) {
  RedisProcess redis;
  Teacher first(redis);
  Teacher second(redis);
  Training a(redis);
  a.Until([&] { return a.StateOf(first) == "ready" && a.StateOf(second) == "ready"; });
  Training b(redis);
  const auto ready = [&](const Training& training) {
    return (training.StateOf(first) == "ready") + (training.StateOf(second) == "ready");
  };
  a.Until([&] { return ready(a) == 1; });
  b.Until([&] { return ready(b) == 1; });
  EXPECT_NE(a.StateOf(first), b.StateOf(first));
}

}  // namespace
}  // namespace edl
