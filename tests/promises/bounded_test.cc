// SPDX-License-Identifier: Apache-2.0
// Promise 3: memory is bounded by the formula in options.h, in batches and in bytes.
#include <atomic>

#include "tests/support/rows.h"

namespace edl {
namespace {

// Reads `batches` batches while the source itself checks, at each pull, how many it has given that the student has not
// taken yet. Gives the most that it saw.
std::int64_t MostAhead(ReaderOptions options, std::int64_t batches, std::int64_t rows) {
  auto teacher = test::StartTeacher();
  std::atomic<std::int64_t> taken{0};
  std::atomic<std::int64_t> most{0};
  options.num_epochs = 1;
  auto source = FromBatches([&](std::int64_t) -> Generator<Fields> {
    return [&, given = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Fields>> {
      most = std::max(most.load(), given - taken.load());
      if (given == batches) return std::optional<Fields>();
      return std::optional<Fields>(test::MakeBatch(rows * given++, rows));
    };
  });
  auto reader = test::NewReader(std::move(source), FixedTeachers({teacher->endpoint()}), options);
  for (auto& batch : reader->Epoch()) {
    EXPECT_TRUE(batch.ok()) << batch.status();
    ++taken;
  }
  EXPECT_EQ(taken, batches);
  return most;
}

TEST(Bounded, ByBatches) {
  for (std::int64_t limit : {1, 2, 7}) {
    ReaderOptions options = test::RowOptions();
    options.max_batches_ahead = limit;
    // A batch that Next() is just giving back counts as inside: hence one more than limit + the one that waits.
    EXPECT_LE(MostAhead(options, 500, 3), limit + 1) << "limit " << limit;
  }
}

TEST(Bounded, ByBytes) {
  const std::int64_t rows = 8;
  const std::size_t batch_bytes = rows * 3 * sizeof(std::int64_t);
  ReaderOptions options = test::RowOptions();
  options.max_bytes_ahead = 3 * batch_bytes;
  EXPECT_LE(MostAhead(options, 500, rows), 3 + 1);
}

TEST(Bounded, ABatchLargerThanAllBytesPassesAlone) {
  ReaderOptions options = test::RowOptions();
  options.max_bytes_ahead = 1;
  EXPECT_LE(MostAhead(options, 200, 8), 1 + 1);
}

TEST(Bounded, ABatchOfMoreRequestsThanDispatchHoldsPasses) {
  ReaderOptions options = test::RowOptions(/*teacher_batch_rows=*/1);
  EXPECT_GE(MostAhead(options, 2, 6000), 0);
}

}  // namespace
}  // namespace edl
