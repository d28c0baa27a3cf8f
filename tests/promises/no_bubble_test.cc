// SPDX-License-Identifier: Apache-2.0
// Promise 10: the end of an epoch is not a barrier: where the source allows it, the next one is already on its way.
#include <atomic>

#include "tests/support/event.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

TEST(NoBubble, TheNextEpochIsWithTheTeachersWhileTheStudentIsInThisOne) {
  Event next_epoch_computed;
  auto teacher = test::StartTeacher({}, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    if (inputs[0].data_as<std::int64_t>()[0] >= 1'000'000) next_epoch_computed.Set();
    return test::ScoreRows(inputs);
  });
  auto reader = test::NewReader(test::BatchesOf(3, 4), FixedTeachers({teacher->endpoint()}));
  ASSERT_TRUE(reader->Next().ok());
  next_epoch_computed.Wait();  // the student has taken one batch of three
}

TEST(NoBubble, ASourceThatForbidsItIsNotReadAhead) {
  auto teacher = test::StartTeacher();
  std::atomic<std::int64_t> begun{-1};
  auto source = FromBatches(
      [&](std::int64_t epoch) -> Generator<Fields> {
        begun = epoch;
        return [epoch, i = 0]() mutable -> absl::StatusOr<std::optional<Fields>> {
          if (i == 3) return std::optional<Fields>();
          return std::optional<Fields>(test::MakeBatch(epoch * 1'000'000 + 4 * i++, 4));
        };
      },
      {/*read_ahead=*/false});
  auto reader = test::NewReader(std::move(source), FixedTeachers({teacher->endpoint()}));
  EXPECT_EQ(begun, -1);
  for (int epoch = 0; epoch < 50; ++epoch) {
    test::ExpectEpoch(*reader, epoch, 3, 4);
    EXPECT_EQ(begun, epoch);
  }
}

TEST(NoBubble, NumEpochsIsAsFarAsItReads) {
  auto teacher = test::StartTeacher();
  std::atomic<std::int64_t> begun{-1};
  auto source = FromBatches([&](std::int64_t epoch) -> Generator<Fields> {
    begun = epoch;
    return [] { return std::optional<Fields>(); };
  });
  ReaderOptions options = test::RowOptions();
  options.num_epochs = 5;
  auto reader = test::NewReader(std::move(source), FixedTeachers({teacher->endpoint()}), options);
  for (int i = 0; i < 20; ++i) {
    auto batch = reader->Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    EXPECT_FALSE(batch->has_value());
  }
  EXPECT_EQ(begun, 4);
}

}  // namespace
}  // namespace edl
