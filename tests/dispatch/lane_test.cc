// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/lane.h"

#include <functional>
#include <set>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/barrier.h"
#include "tests/support/scripted_teachers.h"

namespace edl {
namespace {

// Ends rounds until the window has its size: each request takes a second, and a second's worth is in flight.
void Widen(Lane& lane, int window) {
  TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 100'000 && lane.window() < window; ++i) {
    now += std::chrono::nanoseconds(std::chrono::seconds(1)) / lane.window();
    lane.CountCompleted(1, std::chrono::seconds(1), now);
  }
}

TEST(Lane, HasAsManyPlacesAsItsWindow) {
  test::ScriptedTeachers teachers;
  for (int window : {1, 2, 63, Lane::kMaxWindow}) {
    Lane lane("a", teachers.Connect("a"), window);
    EXPECT_FALSE(lane.Reserve()) << "not ready";
    Widen(lane, window);
    ASSERT_EQ(lane.window(), window);
    lane.set_state(Lane::State::kReady);
    std::set<int> places;
    for (int i = 0; i < window; ++i) {
      EXPECT_TRUE(lane.HasRoom());
      places.insert(lane.Reserve().value());
    }
    EXPECT_EQ(places.size(), static_cast<std::size_t>(window));
    EXPECT_FALSE(lane.HasRoom());
    EXPECT_FALSE(lane.Reserve());
    lane.Release(*places.rbegin());
    EXPECT_EQ(lane.Reserve(), *places.rbegin());
  }
}

TEST(Lane, IsNotIdleWhileARequestIsInFlightWhoeverSpokeOfItLast) {
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 2);
  lane.set_state(Lane::State::kReady);
  const TimePoint now{std::chrono::hours(1)};
  lane.MarkBusy(now);
  lane.MarkIdle(now);  // by a thread that found the lane empty before the other's request
  EXPECT_EQ(lane.idle_since(), now);
  const int place = lane.Reserve().value();
  EXPECT_EQ(lane.idle_since(), std::nullopt);
  lane.Release(place);
  EXPECT_EQ(lane.idle_since(), now);
}

TEST(Lane, IsLeftReadyByOneOnly) {
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 1);
  for (int round = 0; round < 1000; ++round) {
    lane.set_state(Lane::State::kReady);
    std::atomic<int> winners{0};
    test::Barrier start(2);
    auto leave = [&] {
      start.Wait();
      winners += lane.LeaveReady(Lane::State::kEjected) ? 1 : 0;
    };
    std::thread other(leave);
    leave();
    other.join();
    ASSERT_EQ(winners, 1);
  }
}

TEST(Lane, IsVacatedOnlyWhenNobodyHoldsIt) {
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 2);
  lane.set_state(Lane::State::kReady);
  const LaneId a = lane.id();
  const int place = lane.Reserve().value();
  lane.set_state(Lane::State::kClosed);
  EXPECT_FALSE(lane.Vacate());
  lane.Enter();
  lane.Release(place);
  EXPECT_FALSE(lane.Vacate()) << "its callback is still there";
  lane.Leave();
  ASSERT_TRUE(lane.Pin(a.life));
  EXPECT_FALSE(lane.Vacate());
  EXPECT_EQ(lane.id(), a);
  lane.Leave();
  EXPECT_TRUE(lane.Vacate());
  EXPECT_TRUE(lane.vacant());
  EXPECT_EQ(teachers["a"].clients, 0);
  EXPECT_FALSE(lane.Pin());
  EXPECT_FALSE(lane.Pin(a.life));
  lane.CancelCalls({});
  lane.CancelProbe();
}

TEST(Lane, ThatIsUsedAgainHasNothingOfItsLastTeacher) {
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 16);
  const LaneId a = lane.id();
  Widen(lane, 16);
  lane.set_state(Lane::State::kReady);
  lane.CountBadReply();
  lane.Convict();
  lane.CountFailed(absl::DataLossError("nonsense"));
  EXPECT_TRUE(lane.LeaveReady(Lane::State::kEjected));
  lane.set_state(Lane::State::kClosed);
  ASSERT_TRUE(lane.Vacate());
  lane.Renew("b", teachers.Connect("b"));
  EXPECT_NE(lane.id(), a);
  EXPECT_FALSE(lane.Pin(a.life));
  EXPECT_EQ(lane.endpoint(), "b");
  EXPECT_EQ(lane.window(), 2);
  EXPECT_EQ(lane.standing(), Standing::kUnproven);
  EXPECT_EQ(lane.recent_latency().count(), 0);
  LaneStats stats = lane.Stats(TimePoint());
  EXPECT_EQ(
      stats.completed + stats.failed + stats.rows + stats.bad_replies + stats.latency.count() + stats.busy.count(), 0);
  EXPECT_EQ(stats.last_error, "");
  lane.set_state(Lane::State::kReady);
  EXPECT_TRUE(lane.Reserve());
  EXPECT_TRUE(lane.Reserve()) << "it is not on trial";
}

// Its calls and connection are plain memory that goes with each life: whoever meets freed memory, or another life than
// the one that it holds, is found out (by the sanitizers, and here).
TEST(Lane, KeepsItsLifeForWhoHoldsItWhileItIsUsedAgainAndAgain) {
  struct Memory {
    std::int64_t life;
  };
  class Call final : public TeacherCall {
   public:
    explicit Call(std::int64_t life) : memory_(std::make_unique<Memory>(Memory{life})) {}
    absl::Status Start(InferRequest, std::chrono::milliseconds, CallTag, Done done) override {
      done(absl::CancelledError(std::to_string(memory_->life)));
      return absl::OkStatus();
    }
    void CancelIf(CallTag) override { EXPECT_GE(memory_->life, 0); }

   private:
    std::unique_ptr<Memory> memory_;
  };
  class Probe final : public ModelProbe {
   public:
    void Start(const std::string&, std::chrono::milliseconds, Done) override {}
    void Cancel() override { EXPECT_GE(memory_->life, 0); }

   private:
    std::unique_ptr<Memory> memory_ = std::make_unique<Memory>();
  };
  class Client final : public TeacherClient {
   public:
    explicit Client(std::int64_t life) : life_(life) {}
    std::unique_ptr<TeacherCall> NewCall() override { return std::make_unique<Call>(life_); }
    std::unique_ptr<ModelProbe> NewModelProbe() override { return std::make_unique<Probe>(); }
    void Reconnect() override {}

   private:
    const std::int64_t life_;
  };
  constexpr int kLives = 10'000;
  Lane lane("0", std::make_unique<Client>(0), 2);
  std::atomic<bool> over{false};
  std::atomic<std::int64_t> sent{0};
  std::atomic<std::int64_t> seen_life{0};
  test::Barrier start(5);
  auto until_over = [&](const std::function<void()>& body) {
    return std::thread([&, body] {
      start.Wait();
      while (!over) {
        body();
        std::this_thread::yield();
      }
    });
  };
  auto send = [&] {
    std::optional<int> place = lane.Reserve();
    if (!place) return;
    const std::int64_t life = lane.life();
    seen_life = life;
    lane.Enter();
    absl::Status started = lane.call(*place).Start({}, {}, {}, [&](const absl::StatusOr<InferReply>& reply) {
      EXPECT_EQ(reply.status().message(), std::to_string(life));
    });
    EXPECT_TRUE(started.ok());
    lane.Release(*place);
    EXPECT_EQ(lane.life(), life) << "still inside";
    lane.Leave();
    ++sent;
  };
  std::thread threads[] = {until_over(send), until_over(send), until_over([&] {
                             lane.CancelCalls({});
                             lane.CancelProbe();
                           }),
                           until_over([&] {
                             const std::int64_t life = seen_life;
                             if (!lane.Pin(life)) return;
                             lane.call(0).CancelIf({});
                             EXPECT_EQ(lane.life(), life);
                             lane.Leave();
                           })};
  start.Wait();
  for (int life = 0; life < kLives; ++life) {
    const std::int64_t before = sent;
    lane.set_state(Lane::State::kReady);
    while (sent < before + 2) std::this_thread::yield();
    lane.set_state(Lane::State::kClosed);
    while (!lane.Vacate()) std::this_thread::yield();
    std::this_thread::yield();  // the others meet a vacant lane, too
    lane.Renew(std::to_string(life + 1), std::make_unique<Client>(life + 1));
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lane.in_flight(), 0);
}

TEST(Lane, SaysWhereItsLatencyGoes) {
  using std::chrono::microseconds;
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 16);
  lane.CountTimes(std::nullopt, microseconds(100));
  lane.CountTimes(ReplyTimes{microseconds(60), microseconds(50)}, microseconds(100));  // more than there was
  const TimePoint now{};
  EXPECT_EQ(lane.Stats(now).timed, 0);
  EXPECT_EQ(lane.Stats(now).mean_network(), microseconds(0));
  lane.CountTimes(ReplyTimes{microseconds(10), microseconds(60)}, microseconds(100));
  lane.CountTimes(ReplyTimes{microseconds(30), microseconds(80)}, microseconds(200));
  const LaneStats stats = lane.Stats(now);
  EXPECT_EQ(stats.timed, 2);
  EXPECT_EQ(stats.mean_teacher_queue(), microseconds(20));
  EXPECT_EQ(stats.mean_teacher_compute(), microseconds(70));
  EXPECT_EQ(stats.mean_network(), microseconds(60));
}

TEST(Lane, LosesOneRaceForAllThatLayBehindALongRequest) {
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 16);
  auto at = [](int ms) { return TimePoint(std::chrono::hours(1)) + std::chrono::milliseconds(ms); };
  EXPECT_EQ(lane.CountLostRace(at(0), at(50)), 1);
  EXPECT_EQ(lane.CountLostRace(at(10), at(60)), 1) << "it was in the queue behind the first";
  EXPECT_EQ(lane.CountLostRace(at(51), at(90)), 2);
  lane.CountCompleted(1, std::chrono::milliseconds(1), at(100));
  EXPECT_EQ(lane.CountLostRace(at(100), at(120)), 1) << "in a row";
}

}  // namespace
}  // namespace edl
