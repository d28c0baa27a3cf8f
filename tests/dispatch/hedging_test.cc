// SPDX-License-Identifier: Apache-2.0
// A dispatcher one of whose teachers is slow or hangs: who is asked a second time, when, and that each request is
// finished once, whoever answers first.
#include <random>

#include "gmock/gmock.h"
#include "tests/support/dispatcher_fixture.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class Hedging : public test::DispatcherFixture {
 protected:
  void Ready(const std::vector<std::string>& endpoints) {
    Follow(endpoints);
    for (const std::string& endpoint : endpoints) AnswerProbe(endpoint);
  }
  ReaderStats Stats() {
    ReaderStats stats;
    dispatcher().AddStats(stats);
    return stats;
  }
  // Each teacher answers so many requests, each within 10 ms: the median, so that 20 ms are too long.
  void WarmUp(const std::vector<std::string>& endpoints, int each = 30) {
    for (int i = 0; i < each; ++i) {
      for (std::size_t e = 0; e < endpoints.size(); ++e) Submit();
      executor_.Advance(milliseconds(10));
      for (const std::string& endpoint : endpoints) {
        while (InFlight(endpoint) > 0) Answer(endpoint, Reply());
      }
    }
    finished_.clear();
  }
};

TEST_F(Hedging, ARequestThatOutlivesItsPeersIsSentToAnIdleLaneAndTheFirstAnswerWins) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  Submit();
  ASSERT_EQ(InFlight("a"), 1u);
  executor_.Advance(milliseconds(19));
  EXPECT_EQ(InFlight("b"), 0u);
  executor_.Advance(milliseconds(6));
  ASSERT_EQ(InFlight("b"), 1u);
  EXPECT_EQ(Stats().hedged, 1);
  Answer("b", Reply());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok());
  EXPECT_TRUE(teachers_["a"].calls[0]->cancelled);
  teachers_.AnswerCancelled();
  executor_.RunDue();
  EXPECT_EQ(finished_.size(), 1u);
  EXPECT_EQ(Stats().hedges_won, 1);
  EXPECT_EQ(Stats().lanes[0].failed, 0) << "it has lost a race, no more";
  EXPECT_EQ(Stats().lanes[0].state, "ready");
  EXPECT_EQ(Stats().retried, 0);
}

TEST_F(Hedging, TheFirstTeacherMayStillWinAndThenItsHedgeIsCancelled) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  Submit();
  executor_.Advance(milliseconds(25));
  Answer("a", Reply());
  EXPECT_TRUE(teachers_["b"].calls[0]->cancelled);
  teachers_.AnswerCancelled();
  EXPECT_EQ(finished_.size(), 1u);
  EXPECT_EQ(Stats().hedged, 1);
  EXPECT_EQ(Stats().hedges_won, 0);
}

TEST_F(Hedging, BothAnswerAndTheSecondAnswerIsDropped) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  Submit();
  executor_.Advance(milliseconds(25));
  Answer("b", Reply());
  Answer("a", Reply());  // it was on its way when it was cancelled
  EXPECT_EQ(finished_.size(), 1u);
}

TEST_F(Hedging, WhenOneFailsTheOtherHasTheRequestAndOnlyWhenBothDoIsItTriedAgain) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  for (bool hedge_fails_first : {false, true}) {
    const std::int64_t retried = Stats().retried;
    Submit();
    executor_.Advance(milliseconds(25));
    ASSERT_EQ(InFlight("a"), 1u);
    ASSERT_EQ(InFlight("b"), 1u);
    Answer(hedge_fails_first ? "b" : "a", absl::UnavailableError("gone"));
    EXPECT_EQ(Stats().retried, retried);
    Answer(hedge_fails_first ? "a" : "b", absl::UnavailableError("gone, too"));
    EXPECT_EQ(Stats().retried, retried + 1);
    EXPECT_TRUE(finished_.empty());
    executor_.Advance(milliseconds(100));
    AnswerProbe("a");
    AnswerProbe("b");
    ASSERT_EQ(InFlight("a"), 1u);
    Answer("a", Reply());
    ASSERT_EQ(finished_.size(), 1u);
    EXPECT_TRUE(finished_[0].ok());
    WarmUp({"a", "b"}, 1);
  }
}

TEST_F(Hedging, ABadReplyCountsAgainstItsTeacherWhenTheOtherAnswersWell) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  Submit();
  executor_.Advance(milliseconds(25));
  Answer("a", Reply(/*rows=*/2));
  EXPECT_TRUE(finished_.empty());
  Answer("b", Reply());
  EXPECT_EQ(finished_.size(), 1u);
  EXPECT_EQ(Stats().lanes[0].state, "ejected");
}

TEST_F(Hedging, OnlyALaneWithNothingToDoIsUsed) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  Submit();
  Submit();
  executor_.Advance(milliseconds(25));
  EXPECT_EQ(Stats().hedged, 0) << "both lanes are at work";
  Answer("b", Reply());
  executor_.Advance(milliseconds(10));
  EXPECT_EQ(Stats().hedged, 1) << "now one is idle";
}

TEST_F(Hedging, IsNotTriedOnATeacherThatIsSlowItself) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  Follow({"a", "b", "slow"});
  AnswerProbe("slow");
  for (int i = 0; i < 3; ++i) Submit();
  Answer("a", Reply());
  Answer("b", Reply());
  executor_.Advance(milliseconds(200));
  EXPECT_EQ(Stats().hedged, 1) << "of the slow one itself";
  Answer("slow", Reply());
  teachers_.AnswerCancelled();
  Submit();
  Submit();
  ASSERT_EQ(InFlight("a") + InFlight("b"), 2u);
  executor_.Advance(milliseconds(100));
  EXPECT_EQ(InFlight("slow"), 0u);
}

// A spike in the last latencies of the only idle lane left a hung teacher's request to attempt_timeout.
TEST_F(Hedging, AnIdleTeacherThatWasSlowOnceIsAskedForWhatHasWaitedLonger) {
  Ready({"hangs", "b"});
  WarmUp({"hangs", "b"});
  Submit();
  Submit();
  ASSERT_EQ(InFlight("hangs"), 1u);
  executor_.Advance(milliseconds(500));
  Answer("b", Reply());  // 500 ms once: about 70 ms as it goes by its last ones
  ASSERT_EQ(finished_.size(), 1u);
  executor_.Advance(milliseconds(10));
  ASSERT_EQ(InFlight("b"), 1u);
  Answer("b", Reply());
  EXPECT_EQ(finished_.size(), 2u);
}

TEST_F(Hedging, StaysWithinItsBudget) {
  options_.hedge_budget = 0.1;
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  std::int64_t requests = 0;
  for (; requests < 400; ++requests) {
    Submit();
    executor_.Advance(milliseconds(200));  // each is slow, so what is slow is long in being learnt anew
    for (const char* endpoint : {"a", "b"}) {
      while (InFlight(endpoint) > 0) Answer(endpoint, Reply());
    }
    executor_.RunDue();
  }
  EXPECT_EQ(finished_.size(), 400u);
  EXPECT_LE(Stats().hedged, 8 + 46);
}

TEST_F(Hedging, ABudgetOfNothingTurnsItOff) {
  options_.hedge_budget = 0;
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  Submit();
  executor_.Advance(milliseconds(10'000));
  EXPECT_EQ(InFlight("b"), 0u);
}

TEST_F(Hedging, ATeacherThatHangsIsOutAfterThreeLostRacesAndUsedWhenItIsBack) {
  Ready({"hangs", "b"});
  WarmUp({"hangs", "b"});
  while (Stats().lanes[0].state == "ready") {
    Submit();
    Submit();
    executor_.Advance(milliseconds(10));
    while (InFlight("b") > 0) Answer("b", Reply());
    executor_.Advance(milliseconds(15));
    while (InFlight("b") > 0) Answer("b", Reply());
    teachers_.AnswerCancelled();
    executor_.RunDue();
    ASSERT_LE(Stats().hedged, 3);
  }
  EXPECT_EQ(finished_.size(), requests_.size() - 60);
  EXPECT_EQ(Stats().hedges_won, 3);
  EXPECT_EQ(Stats().lanes[0].state, "ejected");
  EXPECT_THAT(Stats().lanes[0].last_error, HasSubstr("its last 3 requests were answered sooner"));
  executor_.Advance(milliseconds(100));
  EXPECT_EQ(teachers_["hangs"].reconnections, 1);
  AnswerProbe("hangs");
  WarmUp({"hangs", "b"}, 1);
  EXPECT_EQ(Stats().lanes[0].state, "ready");
}

TEST_F(Hedging, LeavingTheEpochCancelsBothAttemptsAndFinishesTheRequestOnce) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  auto left = std::make_shared<Cancellation>();
  Submit(left);
  executor_.Advance(milliseconds(25));
  ASSERT_EQ(InFlight("b"), 1u);
  left->Cancel();
  dispatcher().Cancel(*left);
  EXPECT_TRUE(teachers_["a"].calls[0]->cancelled);
  EXPECT_TRUE(teachers_["b"].calls[0]->cancelled);
  teachers_.AnswerCancelled();
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Stats().lanes[0].failed + Stats().lanes[1].failed, 0);
}

// The request, and all that its maker owns, is gone as soon as it is finished; the inputs stay for the other attempt.
TEST_F(Hedging, TheInputsLiveUntilBothAttemptsHaveCalledBackThoughTheRequestIsGone) {
  Ready({"a", "b"});
  WarmUp({"a", "b"});
  TeacherRequest& request = Submit(std::make_shared<Cancellation>(), {{{}, {{"x", 1, std::make_shared<int>(7)}}}});
  std::weak_ptr<const void> bytes = teachers_["a"].calls[0]->request.inputs[0].fragments[0].owner;
  executor_.Advance(milliseconds(25));
  for (auto& endpoint : {"a", "b"}) teachers_[endpoint].calls[0]->request.inputs.clear();
  Answer("b", Reply());
  EXPECT_EQ(&request, requests_.back().get());
  requests_.pop_back();
  EXPECT_FALSE(bytes.expired()) << "gRPC may still be reading them for a";
  teachers_.AnswerCancelled();
  EXPECT_TRUE(bytes.expired());
}

TEST_F(Hedging, RandomAnswersFinishEachRequestOnce) {
  const std::uint64_t seed = test::Seed();
  std::mt19937_64 random(seed);
  auto draw = [&](int least, int most) { return std::uniform_int_distribution<>(least, most)(random); };
  options_.hedge_budget = 1;
  options_.max_attempts = 1'000'000;
  const std::vector<std::string> endpoints{"a", "b", "c", "d"};
  Ready(endpoints);
  WarmUp(endpoints);
  std::size_t submitted = 0;
  std::int64_t cancelled = 0;
  for (int step = 0; step < 20'000 || finished_.size() < submitted; ++step) {
    if (step < 20'000 && submitted - finished_.size() < 3) {
      Submit();
      ++submitted;
    }
    const std::string& endpoint = endpoints[draw(0, 3)];
    if (InFlight(endpoint) > 0 && draw(0, 3) > 0) {
      cancelled += teachers_[endpoint].calls[0]->cancelled ? 1 : 0;
      switch (step < 20'000 ? draw(0, 19) : 19) {
        case 0:
          Answer(endpoint, absl::UnavailableError("gone"));
          break;
        case 1:
          Answer(endpoint, absl::ResourceExhaustedError("full"));
          break;
        default:
          Answer(endpoint, Reply());
      }
    }
    if (draw(0, 3) == 0) teachers_.AnswerCancelled();
    executor_.Advance(milliseconds(draw(0, 15)));
    for (const std::string& probed : endpoints) {
      while (!teachers_[probed].probes.empty()) AnswerProbe(probed);
    }
  }
  EXPECT_EQ(finished_.size(), submitted);
  for (const absl::Status& status : finished_) ASSERT_TRUE(status.ok()) << status;
  EXPECT_GT(Stats().hedged, 100);
  EXPECT_GT(Stats().hedges_won, 10);
  EXPECT_GT(cancelled, 0) << "answers that came after they were cancelled";
}

}  // namespace
}  // namespace edl
