// SPDX-License-Identifier: Apache-2.0
// A dispatcher whose fleet fails: it is not stormed, and no request is lost.
#include "gtest/gtest.h"
#include "tests/support/dispatcher_fixture.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

class RetryBudget : public test::DispatcherFixture {
 protected:
  RetryBudget() { options_.max_attempts = 1'000'000; }

  void FollowFleet(int size) {
    for (int i = 0; i < size; ++i) endpoints_.push_back("teacher" + std::to_string(i));
    Follow(endpoints_);
    for (const std::string& endpoint : endpoints_) AnswerProbe(endpoint);
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
  FollowFleet(20);
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

TEST_F(RetryBudget, HalfOfTheFleetThatDiesWaitsForNothing) {
  FollowFleet(60);
  for (int i = 0; i < 60; ++i) Submit();
  for (int i = 0; i < 30; ++i) {
    while (InFlight(endpoints_[i]) > 0) Answer(endpoints_[i], absl::UnavailableError("killed"));
  }
  std::size_t in_flight = 0;
  for (int i = 30; i < 60; ++i) in_flight += InFlight(endpoints_[i]);
  EXPECT_EQ(in_flight, 60u);
}

TEST_F(RetryBudget, WhatIsHeldIsCancelledAndFailedLikeAnythingElse) {
  FollowFleet(64);
  auto left = std::make_shared<Cancellation>();
  for (int i = 0; i < 64; ++i) i % 2 == 0 ? Submit(left) : Submit();
  auto in_flight = [&] {
    std::size_t count = 0;
    for (const std::string& endpoint : endpoints_) count += InFlight(endpoint);
    return count;
  };
  for (int round = 0; round < 3; ++round) {
    for (const std::string& endpoint : endpoints_) {
      while (InFlight(endpoint) > 0) Answer(endpoint, absl::ResourceExhaustedError("full"));
    }
    executor_.Advance(milliseconds(100 << round));
  }
  ASSERT_LT(in_flight(), 32u) << "most are held";
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
