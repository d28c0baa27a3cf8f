// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/dispatcher.h"

#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"
#include "src/base/log.h"
#include "tests/support/dispatcher_fixture.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

using DispatcherTest = test::DispatcherFixture;

TEST_F(DispatcherTest, FillsTheWindowAndNoMore) {
  Follow({"a"});
  AnswerProbe("a");
  EXPECT_EQ(windows_, 2);
  for (int i = 0; i < 5; ++i) Submit();
  EXPECT_EQ(InFlight("a"), 2u);
  Answer("a", Reply());
  EXPECT_EQ(InFlight("a"), 2u);
  for (int i = 0; i < 4; ++i) Answer("a", Reply());
  EXPECT_EQ(finished_.size(), 5u);
}

TEST_F(DispatcherTest, SendsToTheLeastLoadedLane) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  Submit();
  Submit();
  EXPECT_EQ(InFlight("a"), 1u);
  EXPECT_EQ(InFlight("b"), 1u);
}

TEST_F(DispatcherTest, RequestsThatWaitedGoOutWhenATeacherIsAdmitted) {
  Follow({"a"});
  AnswerProbe("a");
  for (int i = 0; i < 6; ++i) Submit();
  Follow({"a", "b"});
  EXPECT_EQ(InFlight("b"), 0u);
  AnswerProbe("b");
  EXPECT_EQ(InFlight("b"), 2u);
}

TEST_F(DispatcherTest, AFailedRequestGoesToAnotherLaneAndTheFirstIsEjectedThenReadmitted) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  Submit();
  Answer("a", absl::UnavailableError("gone"));
  EXPECT_EQ(InFlight("b"), 1u);
  Answer("b", Reply());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok()) << finished_[0];
  EXPECT_TRUE(teachers_["a"].probes.empty());
  executor_.Advance(milliseconds(100));  // the first backoff
  AnswerProbe("a", absl::UnavailableError("still gone"));
  for (int i = 0; i < 10; ++i) {  // however long it is away, it is probed at least 4 times a second
    executor_.Advance(milliseconds(250));
    AnswerProbe("a", absl::UnavailableError("still gone"));
  }
  executor_.Advance(milliseconds(250));
  AnswerProbe("a");
  Submit();
  Submit();
  EXPECT_EQ(InFlight("a"), 1u);
}

TEST_F(DispatcherTest, WhatIsNotAnsweredInTimeIsAskedOverANewConnection) {
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  Answer("a", absl::UnavailableError("gone"));
  executor_.Advance(milliseconds(100));
  AnswerProbe("a");
  EXPECT_EQ(teachers_["a"].reconnections, 0) << "gRPC knows of that one";
  Answer("a", absl::DeadlineExceededError("nothing came"));
  executor_.Advance(milliseconds(200));
  EXPECT_EQ(teachers_["a"].reconnections, 1);
  AnswerProbe("a", absl::DeadlineExceededError("nothing came"));
  executor_.Advance(milliseconds(250));
  EXPECT_EQ(teachers_["a"].reconnections, 2);
  AnswerProbe("a");
  EXPECT_EQ(InFlight("a"), 1u);
}

TEST_F(DispatcherTest, ARetryKeepsAwayFromTheLaneThatFailedItWhileThereIsAnother) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  for (int i = 0; i < 4; ++i) Submit();
  Answer("a", absl::InternalError("what?"));  // one retry, no ejection
  EXPECT_EQ(InFlight("a"), 1u) << "the place is free, but not for this request";
  Answer("b", Reply());
  EXPECT_EQ(InFlight("b"), 2u);
}

TEST_F(DispatcherTest, TheOnlyLaneGetsItsOwnRetry) {
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  Answer("a", absl::InternalError("what?"));
  EXPECT_EQ(InFlight("a"), 1u);
  Answer("a", Reply());
  EXPECT_TRUE(finished_.at(0).ok());
}

TEST_F(DispatcherTest, ARetryThatAvoidsALaneGoesThereWhenTheOtherIsEjected) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  for (int i = 0; i < 4; ++i) Submit();
  Answer("a", absl::InternalError("what?"));
  Answer("a", Reply());
  EXPECT_EQ(InFlight("a"), 0u);
  Answer("b", absl::UnavailableError("gone"));
  EXPECT_EQ(InFlight("a"), 2u) << "b's lost request, and the retry that waited for b";
}

TEST_F(DispatcherTest, AReplyOfTheWrongRowsIsTriedOnceMore) {
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  Answer("a", Reply(/*rows=*/2));
  Answer("a", Reply(/*rows=*/2));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(
      finished_[0].message(),
      HasSubstr("batch 7 of epoch 0, rows 0 to 0, teacher a, attempt 2 of 16 (a retry was answered no better)"));
}

TEST_F(DispatcherTest, AnotherModelsReplyIsNotTaken) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  Submit();
  InferReply other = Reply();
  other.model_version = "2";
  Answer("a", other);
  Answer("b", Reply());
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_TRUE(finished_[0].ok());
}

TEST_F(DispatcherTest, CancelDropsWhatWaitsAndCancelsWhatIsInFlight) {
  Follow({"a"});
  AnswerProbe("a");
  auto left = std::make_shared<Cancellation>();
  auto stays = std::make_shared<Cancellation>();
  Submit(left);
  Submit(stays);
  Submit(left);
  Submit(stays);
  left->Cancel();
  dispatcher().Cancel(*left);
  ASSERT_EQ(finished_.size(), 1u) << "the one that waited";
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kCancelled);
  teachers_.AnswerCancelled();
  executor_.RunDue();
  EXPECT_EQ(finished_.size(), 2u);
  EXPECT_EQ(InFlight("a"), 2u) << "the other epoch's, one of which waited";
  EXPECT_EQ(teachers_["a"].calls.size(), 2u);
}

TEST_F(DispatcherTest, FailFinishesEverythingAndWhatComesLater) {
  Follow({"a"});
  AnswerProbe("a");
  for (int i = 0; i < 5; ++i) Submit();
  dispatcher().Fail(absl::DataLossError("over"));
  EXPECT_EQ(finished_.size(), 3u);
  teachers_.AnswerCancelled();
  Submit();
  ASSERT_EQ(finished_.size(), 6u);
  for (const absl::Status& status : finished_) EXPECT_EQ(status, absl::DataLossError("over"));
  EXPECT_EQ(dispatcher().AwaitBinding().status(), absl::DataLossError("over"));
}

TEST_F(DispatcherTest, AClosedLaneFinishesWhatItHasAndGetsNoMoreUntilItIsListedAgain) {
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b");
  Submit();
  Follow({"b"});
  Submit();
  Submit();
  EXPECT_EQ(InFlight("a"), 1u);
  EXPECT_EQ(InFlight("b"), 2u);
  Answer("a", Reply());
  EXPECT_EQ(finished_.size(), 1u);
  Submit();
  EXPECT_EQ(InFlight("a"), 0u);
  Follow({"a", "b"});
  AnswerProbe("a");
  EXPECT_EQ(InFlight("a"), 1u);
}

TEST_F(DispatcherTest, WithoutATeacherItWaitsForEver) {
  Follow({"a"});
  for (int minute = 0; minute < 60; ++minute) {
    while (!teachers_["a"].probes.empty()) AnswerProbe("a", absl::UnavailableError("nobody there"));
    executor_.Advance(milliseconds(60'000));
  }
  AnswerProbe("a");
  EXPECT_TRUE(dispatcher().AwaitBinding().ok());
}

TEST_F(DispatcherTest, SaysThatItWaitsForATeacherOnlyAsLongAsItDoes) {
  std::ostringstream log;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log);
  Log().sinks().push_back(sink);
  const auto level = Log().level();
  Log().set_level(spdlog::level::warn);
  auto warnings = [&] {
    std::string text = std::exchange(log, {}).str();
    return text.find("no teacher for") != std::string::npos;
  };
  Follow({"a"});
  executor_.Advance(milliseconds(1000));
  EXPECT_TRUE(warnings());
  executor_.Advance(milliseconds(30'000));
  EXPECT_TRUE(warnings());
  dispatcher().Fail(absl::DataLossError("over"));
  executor_.Advance(milliseconds(300'000));
  EXPECT_FALSE(warnings());
  Log().set_level(level);
  Log().sinks().pop_back();
}

TEST_F(DispatcherTest, NoTeacherTimeoutCountsFromTheOutageForAStudentThatWaitsAlready) {
  options_.no_teacher_timeout = milliseconds(5000);
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  dispatcher().NoteStudentWaits(executor_.Now());
  executor_.Advance(milliseconds(60'000));
  Answer("a", absl::UnavailableError("gone"));
  executor_.Advance(milliseconds(4999));
  EXPECT_TRUE(finished_.empty());
  executor_.Advance(milliseconds(1));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(finished_[0].message(),
              HasSubstr("no_teacher_timeout, 5000 ms; 1 is listed; teacher a: UNAVAILABLE: gone"));
}

TEST_F(DispatcherTest, NoTeacherTimeoutCountsFromTheWaitThatBeginsInAnOutage) {
  options_.no_teacher_timeout = milliseconds(5000);
  Follow({"a"});
  AnswerProbe("a");
  Submit();  // read ahead; the student has other things to do
  Answer("a", absl::UnavailableError("gone"));
  executor_.Advance(milliseconds(71'234));
  EXPECT_TRUE(finished_.empty());
  dispatcher().NoteStudentWaits(executor_.Now());
  executor_.Advance(milliseconds(4000));
  dispatcher().NoteStudentWaits(std::nullopt);  // a batch that had been done
  executor_.Advance(milliseconds(100));
  dispatcher().NoteStudentWaits(executor_.Now());
  executor_.Advance(milliseconds(4999));
  EXPECT_TRUE(finished_.empty());
  executor_.Advance(milliseconds(1));
  EXPECT_EQ(finished_.size(), 1u);
}

TEST_F(DispatcherTest, AStudentThatWaitsForItsSourceMissesNoTeacher) {
  options_.no_teacher_timeout = milliseconds(5000);
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  Answer("a", Reply());
  Follow({});
  dispatcher().NoteStudentWaits(executor_.Now());
  executor_.Advance(milliseconds(60'000));
  EXPECT_TRUE(dispatcher().AwaitBinding().ok());
}

TEST_F(DispatcherTest, NoTeacherTimeoutCountsThoughNobodyHasToldOfAnyTeacher) {
  options_.no_teacher_timeout = milliseconds(5000);
  Submit();
  dispatcher().NoteStudentWaits(executor_.Now());
  executor_.Advance(milliseconds(5000));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_THAT(finished_[0].message(), HasSubstr("no_teacher_timeout, 5000 ms; 0 are listed"));
}

TEST_F(DispatcherTest, ATeacherInTimeResetsTheNoTeacherTimeout) {
  options_.no_teacher_timeout = milliseconds(5000);
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  dispatcher().NoteStudentWaits(executor_.Now());
  Answer("a", absl::UnavailableError("gone"));
  executor_.Advance(milliseconds(4000));
  AnswerProbe("a");
  Answer("a", absl::UnavailableError("gone"));
  executor_.Advance(milliseconds(4000));
  EXPECT_TRUE(finished_.empty());
}

TEST_F(DispatcherTest, EveryTeacherRefuses) {
  options_.predictions = {"nonsense"};
  Follow({"a", "b"});
  AnswerProbe("a");
  EXPECT_FALSE(teachers_["b"].probes.empty());
  AnswerProbe("b");
  auto binding = dispatcher().AwaitBinding();
  EXPECT_EQ(binding.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(binding.status().message(), HasSubstr("no output 'nonsense'"));
}

TEST_F(DispatcherTest, ATeacherOfAnotherModelIsRefusedAndProbedAgain) {
  ModelInfo other = test::RowModel("other");
  Follow({"a", "b"});
  AnswerProbe("a");
  AnswerProbe("b", other);
  for (int i = 0; i < 4; ++i) Submit();
  EXPECT_EQ(InFlight("b"), 0u);
  executor_.Advance(milliseconds(1000));
  AnswerProbe("b");  // it has been mended
  EXPECT_EQ(InFlight("b"), 2u);
}

TEST_F(DispatcherTest, ATeacherThatAnswersItsProbeWithWhatNoWaitingMendsEndsTheWait) {
  for (const absl::Status& error :
       {absl::UnimplementedError("no such method"), absl::UnauthenticatedError("who are you?"),
        absl::PermissionDeniedError("not you"), absl::InvalidArgumentError("tensor 'x' has unknown datatype 'FP4'")}) {
    test::ManualExecutor executor;
    Dispatcher dispatcher(
        options_, executor, [this](const std::string& endpoint) { return teachers_.Connect(endpoint); }, 64,
        [](std::int64_t) {});
    dispatcher.SetTeachers({{"a"}});
    executor.RunDue();
    teachers_["a"].AnswerProbe(error);
    executor.RunDue();
    absl::Status status = dispatcher.AwaitBinding().status();
    EXPECT_EQ(status.code(), error.code());
    EXPECT_THAT(status.message(), HasSubstr("every teacher that can be reached refuses; teacher a: "));
    EXPECT_THAT(status.message(), HasSubstr(std::string(error.message())));
  }
}

TEST_F(DispatcherTest, AMisspeltModelEndsTheWaitOnceAServerHasHadTimeToLoadIt) {
  Follow({"a", "b"});
  AnswerProbe("b", absl::UnavailableError("nobody there"));
  auto answer_for = [&](milliseconds time) {
    for (; time > milliseconds(0); time -= milliseconds(250)) {
      if (!teachers_["a"].probes.empty()) AnswerProbe("a", absl::NotFoundError("unknown model 'resnext'"));
      executor_.Advance(milliseconds(250));
    }
  };
  Submit();
  answer_for(milliseconds(9000));
  EXPECT_TRUE(finished_.empty()) << "it may be loading";
  answer_for(milliseconds(2000));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(finished_[0].message(), HasSubstr("unknown model 'resnext'"));
}

TEST_F(DispatcherTest, AServerThatStillLoadsItsModelIsWaitedForThoughAnotherRefuses) {
  Follow({"a", "b"});
  AnswerProbe("a", absl::NotFoundError("not loaded yet"));
  AnswerProbe("b", absl::PermissionDeniedError("not you"));
  Submit();
  executor_.Advance(milliseconds(1000));
  AnswerProbe("b", absl::PermissionDeniedError("not you"));
  AnswerProbe("a");
  EXPECT_EQ(InFlight("a"), 1u);
  executor_.Advance(milliseconds(1000));
  AnswerProbe("b");
  Submit();
  EXPECT_EQ(InFlight("b"), 1u) << "one that refused is asked now and then, and used when it is mended";
}

TEST_F(DispatcherTest, AModelThatHasBeenServedIsWaitedForWhileItIsLoadedAgain) {
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  Answer("a", absl::UnavailableError("restarting"));
  for (int i = 0; i < 240; ++i) {
    executor_.Advance(milliseconds(250));
    if (!teachers_["a"].probes.empty()) AnswerProbe("a", absl::NotFoundError("not loaded yet"));
  }
  executor_.Advance(milliseconds(250));
  AnswerProbe("a");
  EXPECT_EQ(InFlight("a"), 1u);
}

TEST_F(DispatcherTest, ATrainingWaitsTwoMinutesForItsOnlyTeacherToTrustItAgain) {
  Follow({"a"});
  AnswerProbe("a");
  Submit();
  auto distrusted_for = [&](milliseconds time) {
    for (; time > milliseconds(0); time -= milliseconds(250)) {
      if (!teachers_["a"].probes.empty()) AnswerProbe("a", absl::UnauthenticatedError("its certificate has expired"));
      executor_.Advance(milliseconds(250));
    }
  };
  Answer("a", absl::UnauthenticatedError("its certificate has expired"));
  distrusted_for(milliseconds(110'000));
  EXPECT_TRUE(finished_.empty()) << "it may be renewed";
  AnswerProbe("a");
  EXPECT_EQ(InFlight("a"), 1u);
  Answer("a", absl::UnauthenticatedError("its certificate has expired"));
  distrusted_for(milliseconds(130'000));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(DispatcherTest, MaxTeachersTakesTheFirst) {
  options_.max_teachers = 1;
  Follow({"a", "b"});
  EXPECT_EQ(teachers_["a"].probes.size(), 1u);
  EXPECT_EQ(teachers_["b"].probes.size(), 0u);
}

}  // namespace
}  // namespace edl
