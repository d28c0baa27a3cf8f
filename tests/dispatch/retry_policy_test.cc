// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/retry_policy.h"

#include <string>

#include "gtest/gtest.h"

namespace edl {
namespace {

using Lane = Verdict::Lane;

RequestHistory First(bool others_left = true) {
  RequestHistory history;
  history.max_attempts = 16;
  history.others_left = others_left;
  return history;
}

TEST(RetryPolicy, ATeacherThatIsLostShutsDownOrHangsIsEjectedAndItsRequestRetried) {
  for (const absl::Status& error :
       {absl::UnavailableError(""), absl::CancelledError(""), absl::AbortedError(""), absl::DeadlineExceededError(""),
        absl::NotFoundError("no such model"), absl::FailedPreconditionError(""), absl::UnimplementedError(""),
        absl::PermissionDeniedError("")}) {
    EXPECT_TRUE(Judge(error, First()).retry) << error;
    EXPECT_EQ(Judge(error, First()).lane, Lane::kEject) << error;
  }
}

TEST(RetryPolicy, AnOverloadedTeacherRests) {
  Verdict verdict = Judge(absl::ResourceExhaustedError("queue is full"), First());
  EXPECT_TRUE(verdict.retry);
  EXPECT_EQ(verdict.lane, Lane::kRest);
}

TEST(RetryPolicy, WhatTheSourceGotWrongIsNotRetried) {
  EXPECT_FALSE(Judge(absl::OutOfRangeError(""), First(/*others_left=*/false)).retry);
  EXPECT_FALSE(Judge(absl::InvalidArgumentError(""), First(/*others_left=*/false)).retry);
}

// A teacher that serves another model by now refuses what its model does not take; one that means harm, anything.
TEST(RetryPolicy, ARefusalIsHeardOfOthersUntilTwoThatAnswerOthersWellAgree) {
  for (const absl::Status& refusal :
       {absl::InvalidArgumentError(""), absl::OutOfRangeError(""), absl::AlreadyExistsError(""),
        absl::ResourceExhaustedError("Received message larger than max (5 vs. 4)")}) {
    RequestHistory history = First();
    EXPECT_TRUE(Judge(refusal, history).retry) << refusal;
    EXPECT_EQ(Judge(refusal, history).lane, Lane::kSuspect) << refusal;
    history.bad_replies = 1;
    history.good_witnesses = 1;
    EXPECT_TRUE(Judge(refusal, history).retry) << refusal;
    history.good_witnesses = 2;
    EXPECT_FALSE(Judge(refusal, history).retry) << refusal;
    EXPECT_EQ(Judge(refusal, history).lane, Lane::kKeep) << "two agree: it is the request";
  }
}

TEST(RetryPolicy, ARefusalOfTheFirstThatAnswersWaitsForOthersOnTheirWay) {
  RequestHistory history = First(/*others_left=*/false);
  history.others_may_come = true;
  EXPECT_TRUE(Judge(absl::InvalidArgumentError(""), history).retry);
  history.good_witnesses = 1;
  EXPECT_FALSE(Judge(absl::InvalidArgumentError(""), history).retry);
}

TEST(RetryPolicy, AMessageOverTheOnlyTeachersLimitIsPermanent) {
  Verdict verdict = Judge(absl::ResourceExhaustedError("Received message larger than max (5 vs. 4)"), First(false));
  EXPECT_FALSE(verdict.retry);
  EXPECT_EQ(verdict.lane, Lane::kKeep);
  EXPECT_NE(std::string(verdict.reason).find("teacher_batch_rows"), std::string::npos);
}

TEST(RetryPolicy, NonsenseIsRetriedWhileATeacherIsLeftThatHasNotAnsweredSo) {
  for (const absl::Status& error : {absl::DataLossError(""), absl::InternalError(""), absl::UnknownError("")}) {
    RequestHistory history = First(/*others_left=*/false);
    EXPECT_TRUE(Judge(error, history).retry) << "the only teacher gets a second chance";
    EXPECT_EQ(Judge(error, history).lane, Lane::kSuspect) << error;
    history.bad_replies = 1;
    EXPECT_FALSE(Judge(error, history).retry) << error;
    history.others_left = true;
    EXPECT_TRUE(Judge(error, history).retry) << error;
  }
}

TEST(RetryPolicy, NonsenseFromTwoTeachersThatAnswerOthersWellIsTheRequestsFault) {
  RequestHistory history = First();
  history.bad_replies = 1;
  history.good_witnesses = 2;
  EXPECT_FALSE(Judge(absl::InternalError(""), history).retry);
}

// At the start of a reader the teacher that answers first may be the broken one.
TEST(RetryPolicy, NonsenseFromTheOnlyTeacherIsFinalIfItAnswersOthersWellOrNoOtherIsOnItsWay) {
  RequestHistory history = First(/*others_left=*/false);
  history.bad_replies = 1;
  history.others_may_come = true;
  EXPECT_TRUE(Judge(absl::InternalError(""), history).retry);
  history.good_witnesses = 1;
  EXPECT_FALSE(Judge(absl::InternalError(""), history).retry);
}

TEST(RetryPolicy, ATeacherThatIsTooBusyWearsOutNoAttempt) {
  RequestHistory history = First();
  history.attempts = history.max_attempts;
  EXPECT_TRUE(Judge(absl::ResourceExhaustedError("queue is full"), history).retry);
  EXPECT_FALSE(Judge(absl::ResourceExhaustedError("queue is full"), history).counts);
  EXPECT_TRUE(Judge(absl::UnavailableError(""), First()).counts);
}

TEST(RetryPolicy, AttemptsAreBounded) {
  RequestHistory history = First();
  history.attempts = 3;
  history.max_attempts = 4;
  EXPECT_TRUE(Judge(absl::UnavailableError(""), history).retry);
  history.max_attempts = 3;
  Verdict last = Judge(absl::UnavailableError(""), history);
  EXPECT_FALSE(last.retry);
  EXPECT_EQ(last.lane, Lane::kEject);
  EXPECT_STREQ(last.reason, "max_attempts is reached");
}

}  // namespace
}  // namespace edl
