// SPDX-License-Identifier: Apache-2.0
// Leaving an epoch early cancels what is in flight and leaks nothing into the next: "How it ends" in
// docs/architecture.md.
#include "gmock/gmock.h"
#include "tests/support/event.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

constexpr std::int64_t kBatches = 12;
constexpr std::int64_t kRows = 5;

// `kBatches` batches, then `fail`.
std::unique_ptr<BatchSource> FailsAtTheEnd(std::function<absl::Status()> fail) {
  return FromBatches([fail](std::int64_t) -> Generator<Fields> {
    return [fail, i = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (i == kBatches) return fail();
      return std::optional<Fields>(test::MakeBatch(kRows * i++, kRows));
    };
  });
}

ReaderOptions Options(bool ordered) {
  ReaderOptions options = test::RowOptions(/*teacher_batch_rows=*/kRows);
  options.ordered = ordered;
  return options;
}

void ExpectDiskIsGone(DistillReader& reader) {
  absl::Status error = reader.Next().status();
  EXPECT_EQ(error.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(error.message(), ::testing::HasSubstr("the source failed at item 12 of epoch 0: disk is gone"));
  EXPECT_EQ(reader.Next().status(), error);
}

class EarlyExit : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<DistillReader> NewReader(int instances = 2) {
    testing::FakeTeacherOptions slow;
    slow.instances = instances;
    slow.delay = [](const std::vector<Tensor>& inputs) {
      return std::chrono::microseconds(inputs[0].data_as<std::int64_t>()[0] % 300);
    };
    teacher_ = test::StartTeacher(slow);
    ReaderOptions options = test::RowOptions(/*teacher_batch_rows=*/2);
    options.ordered = GetParam();
    return test::NewReader(test::BatchesOf(kBatches, kRows), FixedTeachers({teacher_->endpoint()}), options);
  }

  // Reads `count` batches of `epoch` (or all of it, to the end), then leaves the loop.
  void Read(DistillReader& reader, std::int64_t epoch, std::int64_t count) {
    std::int64_t i = 0;
    if (count == 0) return;
    for (auto& batch : reader.Epoch()) {
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_EQ(batch->epoch, epoch);
      ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(*batch, epoch * 1'000'000 + kRows * batch->batch_seq, kRows));
      if (++i == count) return;
    }
    ASSERT_EQ(i, kBatches);
  }

  std::unique_ptr<testing::FakeTeacher> teacher_;
};

TEST_P(EarlyExit, AtEveryPosition) {
  auto reader = NewReader();
  std::int64_t epoch = 0;
  for (std::int64_t position = 1; position <= kBatches; ++position) {
    ASSERT_NO_FATAL_FAILURE(Read(*reader, epoch++, position));
    ASSERT_NO_FATAL_FAILURE(Read(*reader, epoch++, kBatches + 1)) << "after leaving at " << position;
  }
}

TEST_P(EarlyExit, ManyTimesInARow) {
  auto reader = NewReader();
  std::int64_t epoch = 0;
  for (int i = 0; i < 200; ++i) ASSERT_NO_FATAL_FAILURE(Read(*reader, epoch++, 1 + i % 3));
  ASSERT_NO_FATAL_FAILURE(Read(*reader, epoch++, kBatches + 1));
}

TEST_P(EarlyExit, BetweenEpochsThereIsNothingToLeave) {
  auto reader = NewReader();
  reader->LeaveEpoch();
  ASSERT_NO_FATAL_FAILURE(Read(*reader, 0, kBatches + 1));
  reader->LeaveEpoch();
  { EpochRange never_begun = reader->Epoch(); }
  ASSERT_NO_FATAL_FAILURE(Read(*reader, 1, kBatches + 1));
}

TEST_P(EarlyExit, WhatWasInFlightIsNotComputed) {
  auto reader = NewReader(/*instances=*/1);
  for (int epoch = 0; epoch < 50; ++epoch) ASSERT_NO_FATAL_FAILURE(Read(*reader, epoch, 1));
  // 50 epochs of 60 rows; what was read, plus what could be computed while it was, is far less.
  EXPECT_LT(teacher_->rows(), 50 * kBatches * kRows / 2);
  EXPECT_GT(reader->Stats().dropped, 0);
}

// The source is read ahead, so it may have failed before the student leaves the epoch, or fail just then.
TEST_P(EarlyExit, ASourceThatFailedInTheEpochThatIsLeftIsHeardOfInTheNext) {
  auto teacher = test::StartTeacher();
  for (bool before : {true, false}) {
    Event at_the_end, left;
    auto reader = test::NewReader(FailsAtTheEnd([&] {
                                    at_the_end.Set();
                                    if (!before) left.Wait();
                                    return absl::DataLossError("disk is gone");
                                  }),
                                  FixedTeachers({teacher->endpoint()}), Options(GetParam()));
    ASSERT_TRUE(reader->Next().ok());
    at_the_end.Wait();
    reader->LeaveEpoch();
    left.Set();
    ExpectDiskIsGone(*reader);
  }
}

// Without order the failure comes to the student's side first, and waits there for the batches before it.
TEST_P(EarlyExit, ASourceThatFailedIsHeardOfThoughTheEpochIsLeftAtTheLastBatchBeforeIt) {
  Event failed;
  auto teacher = test::StartTeacher({}, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    if (inputs[0].data_as<std::int64_t>()[0] == kRows * (kBatches - 1)) failed.Wait();
    return test::ScoreRows(inputs);
  });
  auto reader = test::NewReader(FailsAtTheEnd([&] {
                                  failed.Set();
                                  return absl::DataLossError("disk is gone");
                                }),
                                FixedTeachers({teacher->endpoint()}), Options(GetParam()));
  for (std::int64_t i = 0; i < kBatches; ++i) ASSERT_TRUE(reader->Next().ok());
  reader->LeaveEpoch();
  ExpectDiskIsGone(*reader);
}

INSTANTIATE_TEST_SUITE_P(Ordered, EarlyExit, ::testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Unordered, EarlyExit, ::testing::Values(false));

}  // namespace
}  // namespace edl
