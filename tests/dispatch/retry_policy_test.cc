// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/retry_policy.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

Verdict JudgeFirst(const absl::Status& error, int max_attempts = 16) {
  TeacherRequest request;
  request.attempts = 1;
  return Judge(error, request, max_attempts);
}

TEST(RetryPolicy, ATeacherThatIsLostShutsDownOrHangsIsEjectedAndItsRequestRetried) {
  for (const absl::Status& error :
       {absl::UnavailableError(""), absl::CancelledError(""), absl::AbortedError(""), absl::DeadlineExceededError(""),
        absl::ResourceExhaustedError("queue is full"), absl::NotFoundError("no such model"),
        absl::FailedPreconditionError(""), absl::UnimplementedError(""), absl::PermissionDeniedError("")}) {
    EXPECT_TRUE(JudgeFirst(error).retry) << error;
    EXPECT_TRUE(JudgeFirst(error).eject) << error;
  }
}

TEST(RetryPolicy, WhatTheSourceGotWrongIsNeverRetried) {
  EXPECT_FALSE(JudgeFirst(absl::InvalidArgumentError("")).retry);
  EXPECT_FALSE(JudgeFirst(absl::OutOfRangeError("")).retry);
}

TEST(RetryPolicy, AMessageOverALimitIsPermanent) {
  Verdict verdict = JudgeFirst(absl::ResourceExhaustedError("Received message larger than max (5 vs. 4)"));
  EXPECT_FALSE(verdict.retry);
  EXPECT_FALSE(verdict.eject);
  EXPECT_NE(std::string(verdict.reason).find("teacher_batch_rows"), std::string::npos);
}

TEST(RetryPolicy, NonsenseIsRetriedOnce) {
  TeacherRequest request;
  request.attempts = 1;
  for (const absl::Status& error : {absl::DataLossError(""), absl::InternalError(""), absl::UnknownError("")}) {
    request.bad_replies = 0;
    EXPECT_TRUE(Judge(error, request, 16).retry) << error;
    EXPECT_FALSE(Judge(error, request, 16).eject) << error;
    request.bad_replies = 1;
    EXPECT_FALSE(Judge(error, request, 16).retry) << error;
  }
}

TEST(RetryPolicy, AttemptsAreBounded) {
  TeacherRequest request;
  request.attempts = 3;
  EXPECT_TRUE(Judge(absl::UnavailableError(""), request, 4).retry);
  Verdict last = Judge(absl::UnavailableError(""), request, 3);
  EXPECT_FALSE(last.retry);
  EXPECT_TRUE(last.eject);
  EXPECT_STREQ(last.reason, "max_attempts is reached");
}

}  // namespace
}  // namespace edl
