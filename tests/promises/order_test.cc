// SPDX-License-Identifier: Apache-2.0
// Promise 1: distilled batches come out in source order; with ordered = false, as they complete.
#include <set>

#include "src/base/mutex.h"
#include "tests/support/event.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

using test::StartTeacher;

testing::FakeTeacherOptions TwoInstances() {
  testing::FakeTeacherOptions options;
  options.instances = 2;
  return options;
}

TEST(Order, BatchesComeOutInSourceOrderThoughALaterOneIsDoneFirst) {
  Event second_done;
  // The first batch's reply waits until the second's has gone out.
  auto teacher = StartTeacher(TwoInstances(), test::RowModel(), [&](const auto& inputs) {
    if (inputs[0].template data_as<std::int64_t>()[0] == 0) second_done.Wait();
    if (inputs[0].template data_as<std::int64_t>()[0] == 4) second_done.Set();
    return test::ScoreRows(inputs);
  });
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}));
  test::ExpectEpoch(*reader, 0, 10, 4);
}

TEST(Order, UnorderedYieldsWhatIsCompleteBeforeAnEarlierBatch) {
  Event release_first;
  auto teacher = StartTeacher(TwoInstances(), test::RowModel(), [&](const auto& inputs) {
    if (inputs[0].template data_as<std::int64_t>()[0] == 0) release_first.Wait();
    return test::ScoreRows(inputs);
  });
  ReaderOptions options = test::RowOptions();
  options.ordered = false;
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), options);
  std::set<std::int64_t> seen;
  std::int64_t last = -1;
  for (auto& batch : reader->Epoch()) {
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_EQ(batch->epoch, 0);
    test::ExpectBatch(*batch, 4 * batch->batch_seq, 4);
    EXPECT_TRUE(seen.insert(batch->batch_seq).second);
    last = batch->batch_seq;
    if (seen.size() == 9) release_first.Set();  // all but the first came out while it was held
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(last, 0);
}

TEST(Order, UnorderedEpochsDoNotMix) {
  // Without order the next epoch's batches overtake this one's last, which is slow.
  testing::FakeTeacherOptions options_of_teacher = TwoInstances();
  options_of_teacher.delay = [](const std::vector<Tensor>& inputs) {
    std::int64_t id = inputs[0].data_as<std::int64_t>()[0];
    return std::chrono::microseconds(id % 1'000'000 == 8 ? 20'000 : 0);
  };
  auto teacher = StartTeacher(options_of_teacher);
  ReaderOptions options = test::RowOptions();
  options.ordered = false;
  auto reader = test::NewReader(test::BatchesOf(3, 4), FixedTeachers({teacher->endpoint()}), options);
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    std::set<std::int64_t> seen;
    for (auto& batch : reader->Epoch()) {
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_EQ(batch->epoch, epoch);
      ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(*batch, epoch * 1'000'000 + 4 * batch->batch_seq, 4));
      seen.insert(batch->batch_seq);
    }
    ASSERT_EQ(seen.size(), 3u);
  }
}

}  // namespace
}  // namespace edl
