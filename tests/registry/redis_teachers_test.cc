// SPDX-License-Identifier: Apache-2.0
// What a watcher tells its reader, against a real redis-server and its faults.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "edl/teachers.h"
#include "gmock/gmock.h"
#include "src/registry/lease_keeper.h"
#include "tests/support/redis_process.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;
using test::RedisProcess;
using ::testing::HasSubstr;

using Endpoints = std::set<std::string>;

RedisTeachersOptions Options(const RedisProcess& redis) {
  RedisTeachersOptions options;
  options.redis = redis.url();
  options.service = "s";
  options.poll = milliseconds(100);
  options.lease = milliseconds(2000);
  options.foreign_scan = milliseconds(100);
  options.timeout = milliseconds(300);
  return options;
}

// A reader's side of a watcher.
class Reader {
 public:
  explicit Reader(const RedisTeachersOptions& options, int max_teachers = 0) : watcher_(RedisTeachers(options)) {
    watcher_->SetMaxTeachers(max_teachers);
    absl::Status started = watcher_->Start([this](const TeacherSet& set) {
      MutexLock lock(mu_);
      endpoints_ = Endpoints(set.endpoints.begin(), set.endpoints.end());
      EXPECT_EQ(endpoints_.size(), set.endpoints.size()) << "a teacher is told twice";
      ++times_;
      changed_.NotifyAll();
    });
    EXPECT_TRUE(started.ok()) << started;
  }

  Endpoints endpoints() {
    MutexLock lock(mu_);
    return endpoints_;
  }
  int times_told() {
    MutexLock lock(mu_);
    return times_;
  }
  void Await(const Endpoints& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    MutexLock lock(mu_);
    while (endpoints_ != wanted) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << ::testing::PrintToString(endpoints_);
      changed_.WaitUntil(mu_, deadline);
    }
  }

 private:
  Mutex mu_;
  CondVar changed_;
  Endpoints endpoints_ ABSL_GUARDED_BY(mu_);
  int times_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<TeacherWatcher> watcher_;  // last: stops telling before the rest goes
};

std::unique_ptr<LeaseKeeper> Teach(const RedisProcess& redis, const std::string& endpoint,
                                   const std::string& url = "") {
  LeaseOptions options;
  options.redis = url.empty() ? redis.url() : url;
  options.service = "s";
  options.endpoint = endpoint;
  options.lease = milliseconds(2000);
  options.heartbeat = milliseconds(100);
  options.timeouts = {milliseconds(300), milliseconds(300)};
  auto keeper = LeaseKeeper::Start(options, nullptr);
  EXPECT_TRUE(keeper.ok()) << keeper.status();
  absl::Status listed = (*keeper)->AwaitListed(seconds(30));
  EXPECT_TRUE(listed.ok()) << listed;
  return *std::move(keeper);
}

// As if a process was killed: nobody renews, nobody deregisters.
void Vanish(RedisProcess& redis, const std::string& endpoint) {
  redis.Call({"DEL", "/service/s/nodes/" + endpoint});
  redis.Call({"ZADD", "/service/s/teachers", "1", endpoint});
}

TEST(RedisTeachers, TellsWhoIsThereAndWhoComesAndGoes) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  Reader reader(Options(redis));
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
  Reader reader(Options(redis));
  reader.Await({"a:1", "b:1"});
  a->Stop();
  b->Stop();
  reader.Await({});
}

TEST(RedisTeachers, ChangesArePushed) {
  RedisProcess redis;
  RedisTeachersOptions options = Options(redis);
  options.poll = std::chrono::minutes(10);
  options.lease = std::chrono::hours(1);
  options.foreign_scan = milliseconds(0);
  Reader reader(options);
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
  RedisTeachersOptions options = Options(redis);
  options.redis = "redis://edl:pw" + at;
  options.poll = std::chrono::minutes(10);
  options.lease = std::chrono::hours(1);
  Reader reader(options);
  Eventually([&] { return redis.Call({"PUBSUB", "CHANNELS"}, "redis://:admin" + at).elements.size() == 1; });
  auto a = Teach(redis, "a:1", options.redis);
  reader.Await({"a:1"});
  redis.Call({"HSET", "/service/s/nodes/python:1", "server", "python:1", "info", "{}"}, "redis://:admin" + at);
  reader.Await({"a:1", "python:1"});
}

TEST(RedisTeachers, WithoutTheRightToListenChangesArePolled) {
  RedisProcess redis({"user default on nopass ~* resetchannels +@all"});
  Reader reader(Options(redis));
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
  auto b = Teach(redis, "b:1");
  reader.Await({"a:1", "b:1"});
}

TEST(RedisTeachers, WaitsForARedisThatIsNotThereYet) {
  RedisProcess redis;
  redis.Kill();
  Reader reader(Options(redis));
  EXPECT_EQ(reader.times_told(), 1) << "nobody, so that the reader counts the time without a teacher";
  redis.Restart();
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
}

TEST(RedisTeachers, AreSharedOutAmongTheReaders) {
  RedisProcess redis;
  std::vector<std::unique_ptr<LeaseKeeper>> teachers;
  for (int t = 0; t < 6; ++t) teachers.push_back(Teach(redis, "t" + std::to_string(t) + ":1"));
  std::vector<std::unique_ptr<Reader>> readers;
  auto shares_are = [&](std::size_t each) {
    Eventually([&] {
      Endpoints all;
      for (auto& reader : readers) {
        const Endpoints share = reader->endpoints();
        if (share.size() != each) return false;
        all.insert(share.begin(), share.end());
      }
      return all.size() == 6;
    });
  };
  for (std::size_t r = 1; r <= 3; ++r) {
    readers.push_back(std::make_unique<Reader>(Options(redis)));
    shares_are(6 / r);
  }
  readers.pop_back();
  shares_are(3);
}

TEST(RedisTeachers, NoReaderGetsMoreThanItsMaximum) {
  RedisProcess redis;
  std::vector<std::unique_ptr<LeaseKeeper>> teachers;
  for (int t = 0; t < 6; ++t) teachers.push_back(Teach(redis, "t" + std::to_string(t) + ":1"));
  Reader small(Options(redis), 1);
  Reader large(Options(redis));
  Eventually([&] { return small.endpoints().size() == 1 && large.endpoints().size() == 5; });
}

TEST(RedisTeachers, ThoseOfThePythonToolsAreFound) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  Reader reader(Options(redis));
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

TEST(RedisTeachers, LookingForThoseOfThePythonToolsCanBeTurnedOff) {
  RedisProcess redis;
  redis.Call({"HSET", "/service/s/nodes/python:1", "server", "python:1", "info", "{}"});
  RedisTeachersOptions options = Options(redis);
  options.foreign_scan = milliseconds(0);
  Reader reader(options);
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
  EXPECT_EQ(redis.Call({"EXISTS", "/service/s/scanner"}).integer, 0);
}

TEST(RedisTeachers, NonsenseInTheRegistryIsSkipped) {
  RedisProcess redis;
  const std::string later = "99999999999999";
  for (const std::string& bad : {std::string("no port"), std::string("esc\x1b:1"), std::string("nul\0l:1", 7),
                                 std::string(5000, 'x') + ":1", std::string("string:1"), std::string("heavy:1")}) {
    redis.Call({"HSET", "/service/s/facts", bad, "serving 99999999999999999999"});
    redis.Call({"ZADD", "/service/s/teachers", later, bad});
    redis.Call({"ZADD", "/service/s/students", later, bad});
  }
  redis.Call({"HSET", "/service/s/facts", "string:1", ""});
  redis.Call({"HSET", "/service/s/facts", "nobody:1", "serving 1"});
  redis.Call({"SET", "/service/s/nodes/a:1", "not a hash"});
  redis.Call({"SET", "/service/s/nodes/foreign:1", "not a hash"});
  Reader reader(Options(redis));
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1", "string:1"});  // the one that is no nonsense, from the registry's point of view
  auto b = Teach(redis, "b:1");
  reader.Await({"a:1", "b:1", "string:1"});
}

TEST(RedisTeachers, AKeyOfTheWrongKindIsAnOutageThatEnds) {
  RedisProcess redis;
  redis.Call({"SET", "/service/s/students", "not a sorted set"});
  Reader reader(Options(redis));
  redis.Call({"DEL", "/service/s/students"});
  auto a = Teach(redis, "a:1");
  reader.Await({"a:1"});
}

TEST(RedisTeachers, TheKnownOnesOutliveAnOutageAndTheRestIsCaughtUp) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  Reader reader(Options(redis));
  reader.Await({"a:1", "b:1"});
  const int told = reader.times_told();
  redis.Kill();
  redis.RestartEmpty();
  auto c = Teach(redis, "c:1");
  reader.Await({"a:1", "b:1", "c:1"});
  EXPECT_EQ(reader.times_told(), told + 1) << "and nothing in between";
}

TEST(RedisTeachers, AHungRedisChangesNothing) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  Reader reader(Options(redis));
  reader.Await({"a:1", "b:1"});
  redis.Pause();
  Eventually([&] { return !a->AwaitListed(milliseconds(0)).ok() && !b->AwaitListed(milliseconds(0)).ok(); });
  EXPECT_EQ(reader.endpoints(), (Endpoints{"a:1", "b:1"}));
  redis.Resume();
  auto c = Teach(redis, "c:1");
  reader.Await({"a:1", "b:1", "c:1"});
}

TEST(RedisTeachers, AllLeasesGoneAtOnceKeepsThemAll) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  Reader reader(Options(redis));
  reader.Await({"a:1", "b:1"});
  redis.Call({"FLUSHALL"});
  // Both are back, and so is the student.
  Eventually([&] {
    return redis.Members("/service/s/teachers").size() == 2 && redis.Members("/service/s/students").size() == 1;
  });
  auto c = Teach(redis, "c:1");
  reader.Await({"a:1", "b:1", "c:1"});
}

TEST(RedisTeachers, OneThatVanishesAmongManyIsDropped) {
  RedisProcess redis;
  auto a = Teach(redis, "a:1");
  auto b = Teach(redis, "b:1");
  Reader reader(Options(redis));
  redis.Call({"HSET", "/service/s/nodes/gone:1", "server", "gone:1"});
  redis.Call({"PEXPIRE", "/service/s/nodes/gone:1", "60000"});
  reader.Await({"a:1", "b:1", "gone:1"});
  Vanish(redis, "gone:1");
  reader.Await({"a:1", "b:1"});
}

TEST(RedisTeachers, AReaderThatLeavesIsTakenOutAtOnce) {
  RedisProcess redis;
  {
    Reader reader(Options(redis));
    Eventually([&] { return redis.Members("/service/s/students").size() == 1; });
  }
  EXPECT_TRUE(redis.Members("/service/s/students").empty());
}

TEST(RedisTeachers, StopsInTimeWhileRedisHangs) {
  RedisProcess redis;
  RedisTeachersOptions options = Options(redis);
  options.timeout = seconds(60);
  auto a = Teach(redis, "a:1");
  auto reader = std::make_unique<Reader>(options);
  reader->Await({"a:1"});
  redis.Pause();
  const auto start = std::chrono::steady_clock::now();
  reader.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  redis.Resume();
}

TEST(RedisTeachers, AStormOfTeachersEndsInTheRightSet) {
  RedisProcess redis;
  Reader first(Options(redis));
  Reader second(Options(redis));
  constexpr int kTeachers = 200;
  std::vector<std::unique_ptr<LeaseKeeper>> teachers;
  Endpoints wanted;
  for (int t = 0; t < kTeachers; ++t) {
    LeaseOptions options;
    options.redis = redis.url();
    options.service = "s";
    options.endpoint = "t" + std::to_string(t) + ":1";
    auto keeper = LeaseKeeper::Start(options, nullptr);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    teachers.push_back(*std::move(keeper));
    // Every third one leaves again while others are still coming.
    if (t >= 10 && t % 3 == 0) teachers[static_cast<std::size_t>(t) - 10].reset();
  }
  for (std::size_t t = 0; t < teachers.size(); ++t) {
    if (teachers[t] != nullptr) wanted.insert("t" + std::to_string(t) + ":1");
  }
  Eventually([&] {
    Endpoints all = first.endpoints();
    const Endpoints more = second.endpoints();
    const std::size_t each = all.size();
    all.insert(more.begin(), more.end());
    return all == wanted && each + more.size() == wanted.size() &&
           (each > more.size() ? each - more.size() : more.size() - each) <= 1;
  });
}

TEST(RedisTeachers, FollowTheMasterThatTheSentinelsChoose) {
  RedisProcess master;
  RedisProcess replica({"replicaof 127.0.0.1 " + std::to_string(master.port())});
  RedisProcess sentinel({"sentinel monitor main 127.0.0.1 " + std::to_string(master.port()) + " 1",
                         "sentinel down-after-milliseconds main 300", "sentinel failover-timeout main 2000"},
                        /*sentinel=*/true);
  Eventually([&] {
    const RedisReply replicas = sentinel.Call({"SENTINEL", "replicas", "main"});
    return replicas.elements.size() == 1 &&
           absl::StrContains(master.Call({"INFO", "replication"}).text, "state=online");
  });
  const std::string url = "redis+sentinel://127.0.0.1:1,127.0.0.1:" + std::to_string(sentinel.port()) + "/main";
  auto a = Teach(master, "a:1", url);
  RedisTeachersOptions options = Options(master);
  options.redis = url;
  Reader reader(options);
  reader.Await({"a:1"});
  master.Kill();
  Eventually([&] {
    auto role = replica.TryCall({"ROLE"});  // it closes its connections when it changes
    return role.ok() && role->elements.at(0).text == "master";
  });
  auto b = Teach(replica, "b:1", url);
  reader.Await({"a:1", "b:1"});
  EXPECT_EQ(replica.Members("/service/s/teachers").size(), 2u);
}

TEST(RedisTeachers, ASentinelThatDoesNotKnowTheMasterSaysSo) {
  RedisProcess sentinel({}, /*sentinel=*/true);
  LeaseOptions options;
  options.redis = "redis+sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/nobody";
  options.service = "s";
  options.endpoint = "a:1";
  auto keeper = LeaseKeeper::Start(options, nullptr);
  ASSERT_TRUE(keeper.ok());
  std::string said;
  Eventually([&] {
    said = std::string((*keeper)->AwaitListed(milliseconds(10)).message());
    return absl::StrContains(said, "knows no master 'nobody'");
  });
}

TEST(RedisTeachers, RefuseOptionsThatMakeNoSense) {
  auto refused = [](void (*change)(RedisTeachersOptions&)) {
    RedisTeachersOptions options;
    options.redis = "redis://:secret@h:1";
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
  options.redis = "redis://edl:secret@h:1/2";
  options.service = "resnext101";
  EXPECT_EQ(RedisTeachers(options)->ToString(), "those of service resnext101 at redis://edl:***@h:1/2");
}

}  // namespace
}  // namespace edl
