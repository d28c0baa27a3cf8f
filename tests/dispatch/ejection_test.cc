// SPDX-License-Identifier: Apache-2.0
// A dispatcher whose teachers answer nonsense, are overloaded, or fail again and again: who is ejected, who is not, and
// where the rows go (docs/decisions/ejection.md).
#include <cmath>

#include "gmock/gmock.h"
#include "src/dispatch/reply_check.h"
#include "src/rpc/pushback.h"
#include "tests/support/dispatcher_fixture.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class Ejection : public test::DispatcherFixture {
 protected:
  void Ready(const std::vector<std::string>& endpoints) {
    Follow(endpoints);
    for (const std::string& endpoint : endpoints) AnswerProbe(endpoint);
  }
  LaneStats Stats(const std::string& endpoint) {
    ReaderStats stats;
    dispatcher().AddStats(stats);
    for (const LaneStats& lane : stats.lanes) {
      if (lane.endpoint == endpoint) return lane;
    }
    ADD_FAILURE() << endpoint;
    return {};
  }
  // One request answered by each, so that both are known to answer well.
  void Prove(const std::vector<std::string>& endpoints) {
    for (std::size_t i = 0; i < endpoints.size(); ++i) Submit();
    for (const std::string& endpoint : endpoints) Answer(endpoint, Reply());
    finished_.clear();
  }
};

TEST_F(Ejection, ATeacherThatAnswersWhatAnotherAnswersWellIsOutAndBackAfterItsRest) {
  Ready({"a", "b"});
  Submit();
  Answer("a", Reply(/*rows=*/2));
  EXPECT_EQ(Stats("a").state, "ready") << "it might be the request's fault";
  EXPECT_EQ(InFlight("b"), 1u);
  Answer("b", Reply());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok());
  EXPECT_EQ(Stats("a").state, "ejected");
  EXPECT_EQ(Stats("a").bad_replies, 1);
  EXPECT_THAT(Stats("a").last_error, HasSubstr("teacher b answered well what it answered so"));
  EXPECT_THAT(Stats("a").last_error, HasSubstr("the reply to 1 rows holds score INT64 [2, 3]"));
  executor_.Advance(milliseconds(999));
  EXPECT_TRUE(teachers_["a"].probes.empty()) << "its probes pass in any case";
  executor_.Advance(milliseconds(1));
  AnswerProbe("a");
  EXPECT_EQ(Stats("a").state, "ready");
  Submit();
  Submit();
  Answer("a", Reply());
  Answer("b", Reply());
  EXPECT_EQ(finished_.size(), 3u);
}

TEST_F(Ejection, AConvictedTeacherThatGoesOnSoIsLetInLessAndLessAndCostsOnlyRetries) {
  Ready({"a", "b"});
  Submit();
  Answer("a", absl::InternalError("boom"));
  Answer("b", Reply());
  milliseconds waited{0};
  for (int round = 0; round < 8; ++round) {
    milliseconds wait{0};
    for (; teachers_["a"].probes.empty(); wait += milliseconds(100)) executor_.Advance(milliseconds(100));
    EXPECT_GE(wait, std::min(waited, milliseconds(7000)));
    waited = wait;
    AnswerProbe("a");
    Submit();
    Submit();  // one goes to each
    Answer("a", absl::InternalError("boom"));
    EXPECT_EQ(Stats("a").state, "ejected") << "at once, this time";
    Answer("b", Reply());
    Answer("b", Reply());
  }
  EXPECT_GE(waited, milliseconds(7500));
  EXPECT_EQ(finished_.size(), 17u);
  for (const absl::Status& status : finished_) EXPECT_TRUE(status.ok()) << status;
}

TEST_F(Ejection, TwoBadTeachersOfThreeCostNoRequest) {
  Ready({"a", "b", "c"});
  Submit();
  Answer("a", Reply(/*rows=*/2));
  Answer("b", Reply(/*rows=*/2));
  Answer("c", Reply());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok()) << finished_[0];
  EXPECT_EQ(Stats("a").state, "ejected");
  EXPECT_EQ(Stats("b").state, "ejected");
}

TEST_F(Ejection, WhenEveryTeacherAnswersNonsenseTheRequestSaysSo) {
  Ready({"a", "b"});
  Submit();
  Answer("a", Reply(/*rows=*/2));
  Answer("b", Reply(/*rows=*/2));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(finished_[0].message(), HasSubstr("teacher b, attempt 2 of 16 (a retry was answered no better)"));
}

TEST_F(Ejection, ABrokenTeacherThatIsTheFirstToConnectDoesNotEndTheReader) {
  Follow({"a", "b"});
  AnswerProbe("a");
  Submit();
  for (int i = 0; i < 3; ++i) Answer("a", Reply(/*rows=*/2));
  EXPECT_EQ(Stats("a").state, "ejected");
  EXPECT_TRUE(finished_.empty());
  AnswerProbe("b");
  Answer("b", Reply());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok()) << finished_[0];
}

TEST_F(Ejection, ABrokenTeacherBesideOneThatNeverComesEndsTheReaderAtMaxAttempts) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b", absl::UnavailableError("nobody there"));
  Submit();
  for (int second = 0; second < 200 && finished_.empty(); ++second) {
    while (InFlight("a") > 0) Answer("a", Reply(/*rows=*/2));
    executor_.Advance(milliseconds(1000));
    while (!teachers_["a"].probes.empty()) AnswerProbe("a");
    while (!teachers_["b"].probes.empty()) AnswerProbe("b", absl::UnavailableError("nobody there"));
  }
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_THAT(finished_[0].message(), HasSubstr("attempt 16 of 16 (max_attempts is reached)"));
}

TEST_F(Ejection, APoisonousRequestEjectsNobodyAndFailsAfterTwoTeachersThatAnswerOthersWell) {
  Ready({"a", "b", "c"});
  Prove({"a", "b", "c"});
  Submit();
  Answer("a", absl::InternalError("row 3 is cursed"));
  Answer("b", absl::InternalError("row 3 is cursed"));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kInternal);
  EXPECT_THAT(finished_[0].message(), HasSubstr("a second teacher, which answers others well, answered it no better"));
  for (const char* endpoint : {"a", "b", "c"}) EXPECT_EQ(Stats(endpoint).state, "ready") << endpoint;
}

TEST_F(Ejection, ThreeBadAnswersInARowAreEnoughThoughNobodyHasAnsweredThemYet) {
  options_.window = 4;
  Ready({"a", "b"});
  for (int i = 0; i < 8; ++i) Submit();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Stats("a").state, "ready");
    Answer("a", absl::InternalError("boom"));
  }
  EXPECT_EQ(Stats("a").state, "ejected");
  Answer("a", Reply());  // the fourth, which was on its way
  while (InFlight("b") > 0) Answer("b", Reply());
  EXPECT_EQ(finished_.size(), 8u);
}

TEST_F(Ejection, AGoodAnswerMakesABadOneALapse) {
  Ready({"a", "b"});
  Submit();
  Submit();
  Submit();  // a has two
  Answer("a", absl::InternalError("boom"));
  Answer("a", Reply());
  while (InFlight("b") > 0) Answer("b", Reply());
  EXPECT_EQ(finished_.size(), 3u);
  EXPECT_EQ(Stats("a").state, "ready");
}

TEST_F(Ejection, ATeacherThatTakesAnotherModelsInputsByNowIsOutAndItsRowsGoElsewhere) {
  Ready({"a", "b"});
  Submit();
  Answer("a", absl::InvalidArgumentError("input 'x' is not one of mine"));
  Answer("b", Reply());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok());
  EXPECT_EQ(Stats("a").state, "ejected");
  executor_.Advance(milliseconds(1000));
  AnswerProbe("a", test::RowModel("other"));
  EXPECT_EQ(Stats("a").state, "refused");
}

TEST_F(Ejection, SoftLabelsThatAreNoNumbersAreWrongIfAskedFor) {
  for (bool check : {false, true}) {
    ModelInfo info{"rows", "1", "", {{"x", DType::kInt64, {-1, 2}}}, {{"score", DType::kFp32, {-1, 3}}}};
    ModelBinding binding = ModelBinding::Bind({"x"}, {"score"}, info).value();
    InferReply reply{"rows", "1", "", {}};
    std::vector<float> score{1, std::nanf(""), 3};
    reply.outputs.push_back(ToWireTensor("score", Tensor::FromVector<float>({1, 3}, score).value()));
    absl::Status status = CheckReply(binding, 1, check, reply).status();
    EXPECT_EQ(status.code(), check ? absl::StatusCode::kDataLoss : absl::StatusCode::kOk) << status;
  }
}

TEST_F(Ejection, ClassesThatDoNotExistAreWrong) {
  ModelInfo info{"rows", "1", "", {{"x", DType::kInt64, {-1, 2}}}, {{"score", DType::kFp32, {-1, 3}}}};
  ModelBinding binding = ModelBinding::Bind({"x"}, {"score"}, info, {{}, {{"score", {DType::kFp32, 1}}}}).value();
  for (std::int32_t index : {-1, 0, 2, 3}) {
    InferReply reply{"rows", "1", "", {}};
    reply.outputs.push_back(ToWireTensor("score", Tensor::FromVector<float>({1, 1}, {1}).value()));
    reply.outputs.push_back(ToWireTensor("score.index", Tensor::FromVector<std::int32_t>({1, 1}, {index}).value()));
    reply.outputs.push_back(ToWireTensor("score.rest", Tensor::FromVector<float>({1}, {1}).value()));
    const absl::Status status = CheckReply(binding, 1, false, reply).status();
    EXPECT_EQ(status.code(), index == 0 || index == 2 ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss) << status;
  }
}

// One that passes its probes and loses what it is sent is asked less and less often, until it does some work.
TEST_F(Ejection, ATeacherThatFailsAgainAndAgainIsLetInLessAndLess) {
  Ready({"a"});
  Submit();
  milliseconds longest{0};
  for (int round = 0; round < 10; ++round) {
    Answer("a", absl::UnavailableError("gone"));
    milliseconds wait{0};
    for (; teachers_["a"].probes.empty(); wait += milliseconds(25)) executor_.Advance(milliseconds(25));
    EXPECT_TRUE(round > 0 || wait <= milliseconds(100));
    longest = std::max(longest, wait);
    EXPECT_LE(wait, milliseconds(10'000));
    AnswerProbe("a");
  }
  EXPECT_GE(longest, milliseconds(7500));
  Answer("a", Reply());
  Submit();
  Answer("a", absl::UnavailableError("gone"));
  executor_.Advance(milliseconds(100));
  EXPECT_EQ(teachers_["a"].probes.size(), 1u);
}

TEST_F(Ejection, AnOverloadedTeacherRestsAndNeedsNoProbe) {
  Ready({"a", "b"});
  Submit();
  Answer("a", absl::ResourceExhaustedError("full"));
  EXPECT_EQ(Stats("a").state, "resting");
  EXPECT_EQ(Stats("a").ejections, 0);
  EXPECT_EQ(InFlight("b"), 1u);
  Submit();
  Submit();
  EXPECT_EQ(InFlight("a"), 0u);
  executor_.Advance(milliseconds(100));
  EXPECT_EQ(Stats("a").state, "ready");
  EXPECT_EQ(InFlight("a"), 1u) << "what b had no room for";
}

TEST_F(Ejection, ABusyTeacherDoesNotEndTheReaderHoweverOftenItRefuses) {
  options_.max_attempts = 2;
  Ready({"a"});
  Submit();
  for (int i = 0; i < 20; ++i) {
    Answer("a", absl::ResourceExhaustedError("full"));
    executor_.Advance(milliseconds(10'000));
    ASSERT_TRUE(finished_.empty()) << finished_[0];
    ASSERT_EQ(InFlight("a"), 1u);
  }
  Answer("a", absl::UnavailableError("gone"));  // the first attempt that counts
  for (; teachers_["a"].probes.empty(); executor_.Advance(milliseconds(100))) {
  }
  AnswerProbe("a");
  Answer("a", absl::UnavailableError("gone"));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_THAT(finished_[0].message(), HasSubstr("attempt 2 of 2"));
}

TEST_F(Ejection, AServersPushbackIsObeyed) {
  Ready({"a"});
  Submit();
  Submit();
  Answer("a", WithPushback(absl::UnavailableError("later"), "700"));
  Answer("a", WithPushback(absl::ResourceExhaustedError("later still"), "900"));
  executor_.Advance(milliseconds(700));
  while (!teachers_["a"].probes.empty()) AnswerProbe("a");
  executor_.Advance(milliseconds(199));
  EXPECT_EQ(InFlight("a"), 0u);
  EXPECT_EQ(Stats("a").state, "resting");
  executor_.Advance(milliseconds(1));
  EXPECT_EQ(InFlight("a"), 1u);
}

TEST_F(Ejection, ATeacherThatIsLetInAgainGetsOneRequestUntilItHasAnsweredIt) {
  options_.window = 4;
  Ready({"a"});
  for (int i = 0; i < 8; ++i) Submit();
  ASSERT_EQ(InFlight("a"), 2u);
  Answer("a", absl::UnavailableError("gone"));
  Answer("a", absl::UnavailableError("gone"));
  executor_.Advance(milliseconds(100));
  AnswerProbe("a");
  ASSERT_EQ(InFlight("a"), 1u);
  Submit();
  EXPECT_EQ(InFlight("a"), 1u);
  Answer("a", absl::InternalError("what?"));
  EXPECT_EQ(InFlight("a"), 1u) << "not ejected, but nothing is completed yet";
  Answer("a", Reply());
  EXPECT_EQ(InFlight("a"), 2u);
}

// What it was sent before may hang for as long as an attempt may take.
TEST_F(Ejection, WhatIsStillInFlightDoesNotKeepATeacherThatIsLetInAgainFromWork) {
  Ready({"a"});
  for (int i = 0; i < 4; ++i) Submit();
  Answer("a", absl::UnavailableError("gone"));
  ASSERT_EQ(InFlight("a"), 1u);
  executor_.Advance(milliseconds(100));
  AnswerProbe("a");
  EXPECT_EQ(InFlight("a"), 2u);
  Answer("a", absl::CancelledError("the older one"));
  executor_.Advance(milliseconds(200));
  AnswerProbe("a");
  EXPECT_EQ(InFlight("a"), 2u) << "the one of its last trial, and one more";
}

TEST_F(Ejection, ATeacherThatRestsIsNoOutage) {
  options_.no_teacher_timeout = milliseconds(500);
  Ready({"a"});
  Submit();
  dispatcher().NoteStudentWaits(executor_.Now());
  Answer("a", WithPushback(absl::ResourceExhaustedError("full"), "2000"));
  executor_.Advance(milliseconds(2000));
  EXPECT_TRUE(finished_.empty());
  Answer("a", Reply());
  EXPECT_TRUE(finished_.at(0).ok());
}

TEST(Pushback, IsAtMostFiveMinutesAndNeverNegative) {
  auto of = [](const char* value) { return PushbackOf(WithPushback(absl::UnavailableError(""), value)); };
  EXPECT_EQ(of("0"), milliseconds(0));
  EXPECT_EQ(of("250"), milliseconds(250));
  EXPECT_EQ(of("99999999999"), milliseconds(300'000));
  EXPECT_EQ(of("-1"), std::nullopt);
  EXPECT_EQ(of("soon"), std::nullopt);
  EXPECT_EQ(PushbackOf(absl::UnavailableError("")), std::nullopt);
}

}  // namespace
}  // namespace edl
