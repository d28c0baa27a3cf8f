// SPDX-License-Identifier: Apache-2.0
// Promise 5, as far as fixed teachers show it: one that dies loses nothing; one that comes back is used again; with
// none the reader waits. (tests/integration has it with real processes and real signals.)
#include <atomic>
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

TEST(Elastic, NoTeacherTimeoutBoundsTheWaitForAWatcherThatFindsNobody) {
  class FindsNobody final : public TeacherWatcher {
    absl::Status Start(std::function<void(const TeacherSet&)>) override { return absl::OkStatus(); }
  };
  ReaderOptions options = test::RowOptions();
  options.no_teacher_timeout = std::chrono::milliseconds(300);
  auto reader = test::NewReader(test::BatchesOf(20, 4), std::make_unique<FindsNobody>(), options);
  auto batch = reader->Next();
  EXPECT_EQ(batch.status().code(), absl::StatusCode::kUnavailable) << batch.status();
}

// Its rows go to the other teacher, it is ejected with the reason, and it is used again once it is mended.
TEST(Elastic, ATeacherThatAnswersNonsenseCostsOnlyItsOwnRequests) {
  auto good = test::StartTeacher(Slow());
  std::atomic<bool> mended{false};
  std::atomic<int> mended_calls{0};
  auto bad = test::StartTeacher({}, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    mended_calls += mended ? 1 : 0;
    if (mended) return test::ScoreRows(inputs);
    auto rows = inputs[0].rows();
    // One row too many: the server's own check makes INTERNAL of it.
    return absl::StatusOr<std::vector<Tensor>>(
        {test::Int64s({rows + 1, 3}, std::vector<std::int64_t>(3 * (rows + 1)))});
  });
  auto reader = test::NewReader(test::BatchesOf(1'000'000, 4), FixedTeachers({good->endpoint(), bad->endpoint()}));
  std::int64_t i = 0;
  ReadUntil(*reader, 4, i, [&] {
    ReaderStats stats = reader->Stats();
    return stats.lanes.size() == 2 && stats.lanes[1].ejections > 0;
  });
  EXPECT_NE(reader->Stats().lanes[1].last_error.find("rows"), std::string::npos) << reader->Stats().ToString();
  ReadUntil(*reader, 4, i, [&] { return i > 100; });
  EXPECT_GT(reader->Stats().retried, 0);
  mended = true;
  ReadUntil(*reader, 4, i, [&] { return mended_calls > 10; });
  EXPECT_EQ(reader->Stats().lanes[1].state, "ready");
}

// The same endpoint, name and version, but soft labels that are no numbers.
TEST(Elastic, SoftLabelsThatAreNoNumbersComeFromAnotherTeacher) {
  ModelInfo info{"halves", "1", "fake", {{"x", DType::kInt64, {-1, 2}}}, {{"half", DType::kFp32, {-1}}}};
  auto halves = [](bool broken) {
    return [broken](const std::vector<Tensor>& inputs) -> absl::StatusOr<std::vector<Tensor>> {
      std::vector<float> half;
      for (std::int64_t r = 0; r < inputs[0].rows(); ++r) {
        half.push_back(static_cast<float>(inputs[0].data_as<std::int64_t>()[2 * r]) / (broken ? 0.0F : 2.0F));
      }
      return std::vector<Tensor>{Tensor::FromVector<float>({inputs[0].rows()}, std::move(half)).value()};
    };
  };
  auto good = test::StartTeacher(Slow(), info, halves(false));
  auto bad = test::StartTeacher({}, info, halves(true));
  ReaderOptions options = test::RowOptions();
  options.predictions = {"half"};
  options.check_finite = true;
  auto reader = test::NewReader(test::BatchesOf(200, 4), FixedTeachers({good->endpoint(), bad->endpoint()}), options);
  std::int64_t id = 0;
  for (auto& batch : reader->Epoch()) {
    ASSERT_TRUE(batch.ok()) << batch.status();
    for (int r = 0; r < 4; ++r, ++id) ASSERT_EQ(batch->at("half").data_as<float>()[r], static_cast<float>(id) / 2);
  }
  EXPECT_EQ(id, 800);
  EXPECT_GT(reader->Stats().lanes[1].ejections, 0);
  EXPECT_NE(reader->Stats().lanes[1].last_error.find("is infinite or not a number"), std::string::npos);
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
  options.hedge_budget = 0;
  auto reader = test::NewReader(test::BatchesOf(50, 4), FixedTeachers({good->endpoint(), hangs->endpoint()}), options);
  test::ExpectEpoch(*reader, 0, 50, 4);
  EXPECT_GT(reader->Stats().retried, 0);
  release.Set();
}

}  // namespace
}  // namespace edl
