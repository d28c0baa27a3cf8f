// SPDX-License-Identifier: Apache-2.0
// Promise 4: while there are ready batches Next() never blocks; while there are source batches no healthy teacher
// idles.
#include <atomic>

#include <thread>
#include "tests/support/barrier.h"

#include "tests/support/event.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

TEST(Overlap, ReadyBatchesAreYieldedWithoutAnyTeacher) {
  auto teacher = test::StartTeacher();
  Event source_ended;
  auto source = FromBatches([&](std::int64_t) -> Generator<Fields> {
    return [&, i = 0]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (i < 8) return std::optional<Fields>(test::MakeBatch(4 * i++, 4));
      source_ended.Set();
      return std::optional<Fields>();
    };
  });
  ReaderOptions options = test::RowOptions();
  options.num_epochs = 1;
  auto reader = test::NewReader(std::move(source), FixedTeachers({teacher->endpoint()}), options);
  source_ended.Wait();
  while (reader->Stats().dispatch.out < 8) std::this_thread::yield();
  teacher.reset();
  test::ExpectEpoch(*reader, 0, 8, 4);
}

// Each of the first calls returns only when all places of all windows are taken at one time.
TEST(Overlap, EveryPlaceOfEveryWindowIsUsedAtOnce) {
  constexpr int kTeachers = 3;
  constexpr int kWindow = 2;
  test::Barrier all_busy(kTeachers * kWindow);
  std::atomic<int> calls{0};
  testing::FakeTeacherOptions two;
  two.instances = kWindow;
  std::vector<std::unique_ptr<testing::FakeTeacher>> teachers;
  for (int t = 0; t < kTeachers; ++t) {
    teachers.push_back(test::StartTeacher(two, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
      if (calls++ < kTeachers * kWindow) all_busy.Wait();
      return test::ScoreRows(inputs);
    }));
  }
  auto reader = test::NewReader(test::BatchesOf(50, 4), test::Watch(teachers));
  test::ExpectEpoch(*reader, 0, 50, 4);
}

}  // namespace
}  // namespace edl
