// SPDX-License-Identifier: Apache-2.0
// Promise 11: the reader can say where the time goes.
#include <mutex>

#include "gmock/gmock.h"
#include "spdlog/sinks/base_sink.h"
#include "src/base/log.h"
#include "tests/support/event.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

ReaderOptions OneEpoch() {
  ReaderOptions options = test::RowOptions();
  options.num_epochs = 1;
  return options;
}

// Waits for a line of the log.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LineSink(std::string part) : part_(std::move(part)) {}

  void Await() { found_.Wait(); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string line(message.payload.data(), message.payload.size());
    if (line.find(part_) != std::string::npos) found_.Set();
  }
  void flush_() override {}

  const std::string part_;
  Event found_;
};

TEST(Stats, LogsTheBottleneckAtAnInterval) {
  const auto level = Log().level();
  auto sink = std::make_shared<LineSink>("0 rows in 1 s; nothing to say yet");
  Log().sinks().push_back(sink);  // while nobody logs
  Log().set_level(spdlog::level::info);
  {
    auto teacher = test::StartTeacher();
    ReaderOptions options = OneEpoch();
    options.stats_log_interval = std::chrono::seconds(1);
    auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), options);
    sink->Await();  // nobody has asked for a batch
    test::ExpectEpoch(*reader, 0, 10, 4);
  }
  Log().set_level(level);
  Log().sinks().pop_back();
}

TEST(Stats, CountsWhatWentThroughEachStage) {
  auto teacher = test::StartTeacher();
  auto reader = test::NewReader(test::BatchesOf(10, 10), FixedTeachers({teacher->endpoint()}), OneEpoch());
  test::ExpectEpoch(*reader, 0, 10, 10);
  ReaderStats stats = reader->Stats();
  EXPECT_EQ(stats.source.in, 10);
  EXPECT_EQ(stats.source.depth, 0);
  EXPECT_EQ(stats.dispatch.in, 30);  // 4 + 4 + 2 rows each
  EXPECT_EQ(stats.dispatch.out, 30);
  EXPECT_EQ(stats.ring.in, 10);
  EXPECT_EQ(stats.ring.out, 10);
  EXPECT_EQ(stats.rows, 100);
  EXPECT_EQ(stats.retried, 0);
  ASSERT_EQ(stats.lanes.size(), 1u);
  EXPECT_EQ(stats.lanes[0].endpoint, teacher->endpoint());
  EXPECT_EQ(stats.lanes[0].completed, 30);
  EXPECT_EQ(stats.lanes[0].rows, 100);
  EXPECT_GT(stats.wall.count(), 0);
  EXPECT_THAT(stats.ToString(), HasSubstr("student waited for teachers"));
  EXPECT_THAT(stats.ToString(), HasSubstr(teacher->endpoint() + ": ready, 30 attempts, 30 completed"));
}

TEST(Stats, WhatIsWithTeachersIsNotInTheRing) {
  Event asked, answer;
  auto teacher = test::StartTeacher({}, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    asked.Set();
    answer.Wait();
    return test::ScoreRows(inputs);
  });
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), OneEpoch());
  asked.Wait();
  const ReaderStats stats = reader->Stats();
  EXPECT_GE(stats.source.in, 1);
  EXPECT_EQ(stats.ring.in, 0);
  EXPECT_EQ(stats.ring.depth, 0);
  answer.Set();
  test::ExpectEpoch(*reader, 0, 10, 4);
  EXPECT_EQ(reader->Stats().ring.in, 10);
}

// The time that each party holds the others up shows in its share, and is at least as long as it held them.
TEST(Stats, TheStudentWaitsForASlowTeacher) {
  testing::FakeTeacherOptions slow;
  slow.delay = [](const auto&) { return milliseconds(20); };
  auto teacher = test::StartTeacher(slow);
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), OneEpoch());
  test::ExpectEpoch(*reader, 0, 10, 4);
  EXPECT_GE(reader->Stats().student.waited_for_teachers, milliseconds(150));
}

TEST(Stats, ATeachersReplyTellsWhereItsLatencyWent) {
  testing::FakeTeacherOptions slow;
  slow.delay = [](const auto&) { return milliseconds(20); };
  auto teacher = test::StartTeacher(slow);
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), OneEpoch());
  test::ExpectEpoch(*reader, 0, 10, 4);
  const ReaderStats stats = reader->Stats();
  ASSERT_EQ(stats.lanes.size(), 1u);
  const LaneStats& lane = stats.lanes[0];
  EXPECT_EQ(lane.timed, 10);
  EXPECT_GE(lane.mean_teacher_compute(), milliseconds(20));
  EXPECT_EQ(lane.teacher_queue + lane.teacher_compute + lane.network, lane.latency);
  EXPECT_THAT(stats.ToString(), HasSubstr(" ms (queue "));
}

TEST(Stats, TeachersWaitForASlowSource) {
  auto teacher = test::StartTeacher();
  Event never;
  auto source = FromBatches([&](std::int64_t) -> Generator<Fields> {
    return [&, i = 0]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (i == 10) return std::optional<Fields>();
      if (i > 0) never.WaitFor(milliseconds(20));  // the work of a slow loader
      return std::optional<Fields>(test::MakeBatch(4 * i++, 4));
    };
  });
  auto reader = test::NewReader(std::move(source), FixedTeachers({teacher->endpoint()}), OneEpoch());
  test::ExpectEpoch(*reader, 0, 10, 4);
  EXPECT_GE(reader->Stats().teachers_waited_for_source, milliseconds(90));
}

TEST(Stats, TheSourceWaitsForASlowStudent) {
  auto teacher = test::StartTeacher();
  Event never;
  ReaderOptions options = OneEpoch();
  options.max_batches_ahead = 1;
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), options);
  for (auto& batch : reader->Epoch()) {
    ASSERT_TRUE(batch.ok()) << batch.status();
    never.WaitFor(milliseconds(20));  // a student's step
  }
  EXPECT_GE(reader->Stats().source_waited_for_student, milliseconds(90));
}

}  // namespace
}  // namespace edl
