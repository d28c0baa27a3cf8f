// SPDX-License-Identifier: Apache-2.0
// Promise 5, as far as fixed teachers show it: one that dies loses nothing; one that comes back is used again; with
// none the reader waits. (tests/integration has it with real processes and real signals.)
#include <thread>

#include "tests/support/event.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

testing::FakeTeacherOptions Slow(const std::string& listen = "127.0.0.1:0") {
  testing::FakeTeacherOptions options;
  options.listen = listen;
  options.delay = [](const auto&) { return std::chrono::microseconds(500); };
  return options;
}

// Reads batches of `rows` rows until `enough`, from batch `i` of epoch 0 on.
void ReadUntil(DistillReader& reader, std::int64_t rows, std::int64_t& i, const std::function<bool()>& enough) {
  while (!enough()) {
    auto batch = reader.Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_TRUE(batch->has_value());
    ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(**batch, rows * i, rows));
    ++i;
  }
}

TEST(Elastic, ATeacherThatDiesLosesNothingAndIsUsedWhenItComesBack) {
  auto stays = test::StartTeacher(Slow());
  auto dies = test::StartTeacher(Slow());
  const std::string endpoint = dies->endpoint();
  auto reader = test::NewReader(test::BatchesOf(1'000'000, 8), FixedTeachers({stays->endpoint(), endpoint}));
  std::int64_t i = 0;
  for (int round = 0; round < 3; ++round) {
    ReadUntil(*reader, 8, i, [&] { return dies->calls() >= 10; });
    dies.reset();  // with requests in flight
    std::int64_t at_death = i;
    ReadUntil(*reader, 8, i, [&] { return i > at_death + 100; });
    dies = test::StartTeacher(Slow(endpoint));
    auto back = std::chrono::steady_clock::now();
    ReadUntil(*reader, 8, i, [&] { return dies->calls() > 0; });
    EXPECT_LT(std::chrono::steady_clock::now() - back, std::chrono::seconds(1));
  }
}

TEST(Elastic, WithNoTeacherAtTheStartTheReaderWaitsForOne) {
  auto place_holder = test::StartTeacher();
  const std::string endpoint = place_holder->endpoint();
  place_holder.reset();
  auto reader = test::NewReader(test::BatchesOf(20, 4), FixedTeachers({endpoint}));
  // It has tried in vain.
  while (reader->Stats().lanes.empty() || reader->Stats().lanes[0].last_error.empty()) std::this_thread::yield();
  testing::FakeTeacherOptions options;
  options.listen = endpoint;
  auto teacher = test::StartTeacher(options);
  test::ExpectEpoch(*reader, 0, 20, 4);
}

TEST(Elastic, TheOnlyTeacherDiesInMidEpochAndTheReaderGoesOnWhenItIsBack) {
  auto teacher = test::StartTeacher(Slow());
  const std::string endpoint = teacher->endpoint();
  auto reader = test::NewReader(test::BatchesOf(1'000'000, 4), FixedTeachers({endpoint}));
  std::int64_t i = 0;
  for (int round = 0; round < 3; ++round) {
    ReadUntil(*reader, 4, i, [&] { return teacher->calls() >= 10; });
    teacher.reset();
    teacher = test::StartTeacher(Slow(endpoint));
  }
  std::int64_t so_far = i;
  ReadUntil(*reader, 4, i, [&] { return i > so_far + 100; });
}

TEST(Elastic, NoTeacherTimeoutBoundsTheWait) {
  ReaderOptions options = test::RowOptions();
  options.no_teacher_timeout = std::chrono::milliseconds(300);
  auto place_holder = test::StartTeacher();
  const std::string endpoint = place_holder->endpoint();
  place_holder.reset();
  auto reader = test::NewReader(test::BatchesOf(20, 4), FixedTeachers({endpoint}), options);
  auto batch = reader->Next();
  EXPECT_EQ(batch.status().code(), absl::StatusCode::kUnavailable) << batch.status();
  EXPECT_NE(batch.status().message().find(endpoint), std::string::npos) << batch.status();
  EXPECT_EQ(reader->Next().status(), batch.status());
}

// A request that came back with UNAVAILABLE goes to the other teacher, and the one that fails gets no more until it is
// probed again.
TEST(Elastic, ATeacherThatAnswersNonsenseCostsOnlyItsOwnRequests) {
  auto good = test::StartTeacher(Slow());
  auto bad = test::StartTeacher({}, test::RowModel(), [](const std::vector<Tensor>& inputs) {
    auto rows = inputs[0].rows();
    // One row too many: the server's own check makes INTERNAL of it.
    return std::vector<Tensor>{test::Int64s({rows + 1, 3}, std::vector<std::int64_t>(3 * (rows + 1)))};
  });
  auto reader = test::NewReader(test::BatchesOf(100, 4), FixedTeachers({good->endpoint(), bad->endpoint()}));
  test::ExpectEpoch(*reader, 0, 100, 4);
  EXPECT_GT(reader->Stats().retried, 0);
}

TEST(Elastic, ATeacherThatHangsCostsAnAttemptTimeout) {
  Event release;
  auto good = test::StartTeacher(Slow());
  auto hangs = test::StartTeacher({}, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    release.Wait();
    return test::ScoreRows(inputs);
  });
  ReaderOptions options = test::RowOptions();
  options.attempt_timeout = std::chrono::milliseconds(200);
  auto reader = test::NewReader(test::BatchesOf(50, 4), FixedTeachers({good->endpoint(), hangs->endpoint()}), options);
  test::ExpectEpoch(*reader, 0, 50, 4);
  EXPECT_GT(reader->Stats().retried, 0);
  release.Set();
}

}  // namespace
}  // namespace edl
