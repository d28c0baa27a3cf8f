// SPDX-License-Identifier: Apache-2.0
// A dispatcher that meets far more endpoints in its life than it has lanes.
#include <chrono>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "src/base/thread_executor.h"
#include "tests/support/dispatcher_fixture.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

class LaneReuse : public test::DispatcherFixture {
 protected:
  LaneReuse() { max_lanes_ = 4; }

  std::vector<LaneStats> Lanes() {
    ReaderStats stats;
    dispatcher().AddStats(stats);
    return stats.lanes;
  }
};

TEST_F(LaneReuse, ThousandsOfFreshEndpointsAllGetWork) {
  for (int i = 0; i < 5000; ++i) {
    const std::string endpoint = "teacher" + std::to_string(i);
    Follow({endpoint});
    AnswerProbe(endpoint);
    Submit();
    ASSERT_EQ(InFlight(endpoint), 1u);
    Answer(endpoint, Reply());
    ASSERT_TRUE(finished_.back().ok()) << finished_.back();
    ASSERT_LE(Lanes().size(), 4u);
  }
  EXPECT_EQ(finished_.size(), 5000u);
  EXPECT_EQ(Lanes().back().completed, 1) << "its own";
}

TEST_F(LaneReuse, AClosedTeacherKeepsItsConnectionForAWhileAndNoLonger) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  Follow({"b"});
  executor_.Advance(milliseconds(29'000));
  EXPECT_EQ(teachers_["a"].clients, 1);
  Follow({"a", "b"});
  AnswerProbe("a");
  executor_.Advance(milliseconds(29'000));
  Follow({"b"});
  executor_.Advance(milliseconds(29'000));
  EXPECT_EQ(teachers_["a"].clients, 1);
  EXPECT_EQ(Lanes().size(), 2u);
  executor_.Advance(milliseconds(1000));
  EXPECT_EQ(teachers_["a"].clients, 0);
  EXPECT_EQ(Lanes().size(), 1u);
  Follow({"a", "b"});
  AnswerProbe("a");
  EXPECT_EQ(teachers_["a"].clients, 1);
  Submit();
  Submit();
  EXPECT_EQ(InFlight("a"), 1u);
}

TEST_F(LaneReuse, AClosedTeacherFinishesWhatItHasBeforeItsLaneIsUsedAgain) {
  max_lanes_ = 1;
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  Follow({"b"});
  EXPECT_TRUE(teachers_["b"].probes.empty()) << "there is no lane for it";
  executor_.Advance(milliseconds(120'000));
  Answer("a", Reply());
  EXPECT_EQ(finished_.size(), 1u);
  executor_.Advance(milliseconds(250));
  AnswerProbe("b");
  Submit();
  EXPECT_EQ(InFlight("b"), 1u);
}

// What a request holds against a teacher is not held against the one that has its lane now.
TEST_F(LaneReuse, ANewTeacherIsNotBlamedForWhatItsLaneDidUnderAnotherName) {
  max_lanes_ = 2;
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  Submit();
  Answer("a", Reply(/*rows=*/2));
  ASSERT_EQ(InFlight("b"), 1u);
  Follow({"b", "c"});
  AnswerProbe("c");
  Answer("b", Reply());  // which convicts a
  ASSERT_EQ(finished_.size(), 1u);
  for (const LaneStats& lane : Lanes()) {
    EXPECT_EQ(lane.state, "ready") << lane.endpoint;
    EXPECT_EQ(lane.ejections, 0) << lane.endpoint;
  }
  Submit();
  const std::string first = InFlight("b") > 0 ? "b" : "c";
  const std::string second = first == "b" ? "c" : "b";
  Answer(first, Reply(/*rows=*/2));
  Follow({"d"});  // in the lane of the first
  AnswerProbe("d");
  Answer(second, Reply(/*rows=*/2));
  EXPECT_EQ(InFlight("d"), 1u) << "it has not answered the request badly";
}

// Teachers that answer on threads of their own, well, badly or not at all, while the set changes all the time.
class BusyTeachers {
 public:
  explicit BusyTeachers(std::uint64_t seed) {
    for (int i = 0; i < 2; ++i) answerers_.emplace_back([this, seed, i] { AnswerAll(seed + i); });
  }
  ~BusyTeachers() {
    {
      MutexLock lock(mu_);
      over_ = true;
      changed_.NotifyAll();
    }
    for (std::thread& answerer : answerers_) answerer.join();
  }

  std::unique_ptr<TeacherClient> Connect() { return std::make_unique<Client>(*this); }

 private:
  using Answer = std::function<void(std::minstd_rand&)>;

  class Call final : public TeacherCall {
   public:
    explicit Call(BusyTeachers& all) : all_(all) {}
    absl::Status Start(InferRequest, milliseconds, CallTag, Done done) override {
      ++started_;
      all_.Post([done = std::move(done)](std::minstd_rand& random) {
        switch (random() % 128) {
          case 0:
          case 1:
            return done(absl::UnavailableError("gone"));
          case 2:
            return done(absl::InternalError("nonsense"));
          default:
            return done(Reply());
        }
      });
      return absl::OkStatus();
    }
    void CancelIf(CallTag) override { EXPECT_GE(started_, 0); }  // it is there

   private:
    BusyTeachers& all_;
    std::atomic<int> started_{0};
  };

  class Probe final : public ModelProbe {
   public:
    explicit Probe(BusyTeachers& all) : all_(all) {}
    void Start(const std::string&, milliseconds, Done done) override {
      all_.Post([done = std::move(done)](std::minstd_rand&) { done(test::RowModel()); });
    }
    void Cancel() override {}

   private:
    BusyTeachers& all_;
  };

  class Client final : public TeacherClient {
   public:
    explicit Client(BusyTeachers& all) : all_(all) {}
    std::unique_ptr<TeacherCall> NewCall() override { return std::make_unique<Call>(all_); }
    std::unique_ptr<ModelProbe> NewModelProbe() override { return std::make_unique<Probe>(all_); }
    void Reconnect() override {}

   private:
    BusyTeachers& all_;
  };

  static InferReply Reply() {
    InferReply reply{"rows", "1", "", {}};
    reply.outputs.push_back(ToWireTensor("score", test::Int64s({1, 3}, {1, 2, 3})));
    return reply;
  }

  void Post(Answer answer) {
    MutexLock lock(mu_);
    answers_.push_back(std::move(answer));
    changed_.NotifyOne();
  }
  void AnswerAll(std::uint64_t seed) {
    std::minstd_rand random(static_cast<std::minstd_rand::result_type>(seed));
    while (true) {
      Answer answer;
      {
        MutexLock lock(mu_);
        while (answers_.empty() && !over_) changed_.Wait(mu_);
        if (answers_.empty()) return;
        answer = std::move(answers_.front());
        answers_.pop_front();
      }
      answer(random);
    }
  }

  Mutex mu_;
  CondVar changed_;
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mu_);
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> answerers_;
};

class Counter final : public RequestSink {
 public:
  void OnReply(TeacherRequest&, absl::StatusOr<std::vector<WireTensor>> predictions) override {
    good += predictions.ok() ? 1 : 0;
    ++finished;
  }
  std::string Describe(const TeacherRequest&) const override { return "a request"; }

  std::atomic<int> good{0};
  std::atomic<int> finished{0};
};

TEST(LaneReuseUnderLoad, FreshEndpointsOverFewLanesLoseNoRequest) {
  const std::uint64_t seed = test::Seed();
  constexpr int kRequests = 10'000;
  constexpr int kMaxRequests = 64;
  ReaderOptions options = test::RowOptions();
  options.window = 4;
  options.max_attempts = 1'000'000;
  options.retry_budget = 1;
  Counter counter;
  std::vector<TeacherRequest> requests(kRequests);
  ThreadExecutor executor("test-control");
  BusyTeachers teachers(seed);
  Dispatcher dispatcher(
      options, executor, [&](const std::string&) { return teachers.Connect(); }, kMaxRequests, [](std::int64_t) {},
      /*max_lanes=*/6);
  std::atomic<bool> over{false};
  std::atomic<int> sets{0};
  std::thread churn([&] {
    for (int i = 0; !over; i += 3) {
      dispatcher.SetTeachers({{std::to_string(i), std::to_string(i + 1), std::to_string(i + 2)}});
      ++sets;
      // The next set when this one has had some work, or is out of rotation as a whole.
      const auto until = std::chrono::steady_clock::now() + milliseconds(20);
      const int enough = counter.finished + 20;
      while (counter.finished < enough && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    }
  });
  std::thread watcher([&] {
    auto never = std::make_shared<Cancellation>();
    while (!over) {
      ReaderStats stats;
      dispatcher.AddStats(stats);
      EXPECT_LE(stats.lanes.size(), 6u);
      dispatcher.Cancel(*never);
      std::this_thread::yield();
    }
  });
  auto cancellation = std::make_shared<Cancellation>();
  for (int i = 0; i < kRequests; ++i) {
    while (i - counter.finished >= kMaxRequests) std::this_thread::yield();
    requests[i].rows = 1;
    requests[i].cancellation = cancellation;
    requests[i].sink = &counter;
    dispatcher.Submit(requests[i]);
  }
  while (counter.finished < kRequests) std::this_thread::yield();
  over = true;
  churn.join();
  watcher.join();
  dispatcher.Fail(absl::CancelledError("the test is over"));
  executor.Shutdown();
  dispatcher.AwaitIdle();
  EXPECT_GT(counter.good, kRequests * 9 / 10);
  EXPECT_GT(3 * sets, 60) << "endpoints, ten times as many as lanes";
}

// One teacher at all of the machine's own addresses, so that each is a fresh endpoint with a real connection.
TEST(LaneReuseOverGrpc, ConnectionsOfFreshEndpointsComeAndGo) {
  testing::FakeTeacherOptions everywhere;
  everywhere.listen = "0.0.0.0:0";
  auto teacher = test::StartTeacher(everywhere);
  const std::string port = teacher->endpoint().substr(teacher->endpoint().rfind(':'));
  ReaderOptions options = test::RowOptions();
  Counter counter;
  ThreadExecutor executor("test-control");
  Dispatcher dispatcher(
      options, executor, [](const std::string& endpoint) { return NewGrpcTeacherClient(endpoint); }, 64,
      [](std::int64_t) {}, /*max_lanes=*/3);
  std::vector<TeacherRequest> requests(200);
  Fields batch = test::MakeBatch(0, 4);
  for (int i = 0; i < static_cast<int>(requests.size()); ++i) {
    const std::string address = "127.0.0." + std::to_string(i + 1);
    dispatcher.SetTeachers({{address + port}});
    requests[i].rows = 4;
    requests[i].inputs.push_back(ToWireTensor("x", batch[0]));
    requests[i].cancellation = std::make_shared<Cancellation>();
    requests[i].sink = &counter;
    dispatcher.Submit(requests[i]);
    while (counter.finished <= i) std::this_thread::yield();
  }
  EXPECT_EQ(counter.good, 200);
  ReaderStats stats;
  dispatcher.AddStats(stats);
  EXPECT_LE(stats.lanes.size(), 3u);
  dispatcher.Fail(absl::CancelledError("the test is over"));
  executor.Shutdown();
  dispatcher.AwaitIdle();
}

}  // namespace
}  // namespace edl
