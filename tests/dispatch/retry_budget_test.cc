// SPDX-License-Identifier: Apache-2.0
// A dispatcher whose fleet fails: it is not stormed, and no request is lost.
#include "gtest/gtest.h"
#include "tests/support/dispatcher_fixture.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

class RetryBudget : public test::DispatcherFixture {
 protected:
  RetryBudget() {
    options_.max_attempts = 1'000'000;
    options_.window = 64;
  }
  std::int64_t Attempts() {
    ReaderStats stats;
    dispatcher().AddStats(stats);
    std::int64_t attempts = 0;
    for (const LaneStats& lane : stats.lanes) attempts += lane.attempts;
    return attempts;
  }
  // Fails everything in flight for `time`, while probes pass: the worst that a fleet can do.
  void FailFor(milliseconds time) {
    for (; time > milliseconds(0); time -= milliseconds(10)) {
      for (const std::string& endpoint : endpoints_) {
        while (InFlight(endpoint) > 0) Answer(endpoint, absl::UnavailableError("not today"));
        while (!teachers_[endpoint].probes.empty()) AnswerProbe(endpoint);
      }
      executor_.Advance(milliseconds(10));
    }
  }

  std::vector<std::string> endpoints_;
};

TEST_F(RetryBudget, AFailingFleetGetsTenRetriesASecondAndEveryRequestIsAnsweredInTheEnd) {
  for (char c = 'a'; c < 'a' + 20; ++c) endpoints_.emplace_back(1, c);
  Follow(endpoints_);
  for (const std::string& endpoint : endpoints_) AnswerProbe(endpoint);
  constexpr int kRequests = 60;
  for (int i = 0; i < kRequests; ++i) Submit();
  FailFor(milliseconds(60'000));
  const std::int64_t before = Attempts();
  FailFor(milliseconds(60'000));
  EXPECT_LE(Attempts() - before, 620);
  EXPECT_TRUE(finished_.empty());
  executor_.Advance(milliseconds(60'000));
  for (int round = 0; round < 1000 && finished_.size() < kRequests; ++round) {
    for (const std::string& endpoint : endpoints_) {
      while (!teachers_[endpoint].probes.empty()) AnswerProbe(endpoint);
      while (InFlight(endpoint) > 0) Answer(endpoint, Reply());
    }
    executor_.Advance(milliseconds(10));
  }
  ASSERT_EQ(finished_.size(), static_cast<std::size_t>(kRequests));
  for (const absl::Status& status : finished_) EXPECT_TRUE(status.ok()) << status;
}

TEST_F(RetryBudget, OneTeacherThatDiesWithAFullWindowWaitsForNothing) {
  Follow({"a", "b", "c"});
  for (const char* endpoint : {"a", "b", "c"}) AnswerProbe(endpoint);
  for (int i = 0; i < 64; ++i) Submit();
  std::size_t lost = InFlight("a");
  std::size_t elsewhere = InFlight("b") + InFlight("c");
  while (InFlight("a") > 0) Answer("a", absl::UnavailableError("killed"));
  EXPECT_EQ(InFlight("b") + InFlight("c"), elsewhere + lost);
}

TEST_F(RetryBudget, WhatIsHeldIsCancelledAndFailedLikeAnythingElse) {
  Follow({"a"});
  AnswerProbe("a");
  auto left = std::make_shared<Cancellation>();
  for (int i = 0; i < 64; ++i) i % 2 == 0 ? Submit(left) : Submit();
  for (int round = 0; round < 3; ++round) {
    while (InFlight("a") > 0) Answer("a", absl::ResourceExhaustedError("full"));
    executor_.Advance(milliseconds(100 << round));
  }
  const std::size_t in_flight = InFlight("a");
  ASSERT_LT(in_flight, 32u) << "most are held";
  left->Cancel();
  dispatcher().Cancel(*left);
  teachers_.AnswerCancelled();
  EXPECT_EQ(finished_.size(), 32u);
  dispatcher().Fail(absl::DataLossError("over"));
  teachers_.AnswerCancelled();
  EXPECT_EQ(finished_.size(), 64u);
}

}  // namespace
}  // namespace edl
