// SPDX-License-Identifier: Apache-2.0
// Promise 2: every source row comes out once an epoch, with the prediction made from that very row.
#include <random>

#include "tests/support/rows.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

// The rows of each batch of an epoch, drawn from a seed.
std::vector<std::int64_t> DrawBatchRows(std::mt19937_64& random) {
  std::vector<std::int64_t> rows(std::uniform_int_distribution<>(0, 12)(random));
  for (std::int64_t& r : rows) r = std::uniform_int_distribution<>(0, 20)(random);
  return rows;
}

// One reader's life: some epochs of random batches, with random teachers, windows and delays.
std::int64_t RunReader(std::uint64_t seed, int epochs) {
  std::mt19937_64 random(seed);
  auto draw = [&](int least, int most) { return std::uniform_int_distribution<>(least, most)(random); };
  std::vector<std::vector<std::int64_t>> plan;
  for (int e = 0; e < epochs; ++e) plan.push_back(DrawBatchRows(random));

  std::vector<std::unique_ptr<testing::FakeTeacher>> teachers;
  for (int t = draw(1, 3); t > 0; --t) {
    testing::FakeTeacherOptions options;
    options.instances = draw(1, 2);
    options.delay = [seed](const std::vector<Tensor>& inputs) {
      const std::int64_t id = inputs[0].rows() == 0 ? 0 : inputs[0].data_as<std::int64_t>()[0];
      return std::chrono::microseconds((id * 7919 + static_cast<std::int64_t>(seed % 1000)) % 400);
    };
    teachers.push_back(test::StartTeacher(options));
  }
  ReaderOptions options = test::RowOptions(draw(1, 24));
  options.window = draw(1, 5);
  options.max_batches_ahead = draw(0, 6);
  options.num_epochs = draw(0, 1) * epochs;
  auto source = FromBatches([plan](std::int64_t epoch) -> Generator<Fields> {
    return
        [plan, epoch, i = std::size_t{0}, id = epoch * 1'000'000]() mutable -> absl::StatusOr<std::optional<Fields>> {
          if (epoch >= static_cast<std::int64_t>(plan.size()) || i == plan[epoch].size())
            return std::optional<Fields>();
          std::int64_t rows = plan[epoch][i++];
          id += rows;
          return std::optional<Fields>(test::MakeBatch(id - rows, rows));
        };
  });
  auto reader = test::NewReader(std::move(source), test::Watch(teachers), options);
  std::int64_t rows_seen = 0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    std::size_t i = 0;
    std::int64_t id = epoch * 1'000'000;
    for (auto& batch : reader->Epoch()) {
      EXPECT_TRUE(batch.ok()) << batch.status();
      if (!batch.ok() || i == plan[epoch].size()) return -1;
      test::ExpectBatch(*batch, id, plan[epoch][i]);
      if (::testing::Test::HasFatalFailure()) return -1;
      id += plan[epoch][i++];
    }
    EXPECT_EQ(i, plan[epoch].size());
    rows_seen += id - epoch * 1'000'000;
  }
  EXPECT_EQ(reader->Stats().rows, rows_seen);
  return rows_seen;
}

TEST(ExactlyOnce, ThousandRandomEpochsGiveEachRowItsOwnSoftLabel) {
  const std::uint64_t seed = test::Seed();
  std::int64_t rows = 0;
  for (int reader = 0; reader < 50; ++reader) {
    SCOPED_TRACE(seed + reader);
    std::int64_t more = RunReader(seed + reader, 20);
    ASSERT_GE(more, 0);
    rows += more;
  }
  EXPECT_GT(rows, 10'000);
}

}  // namespace
}  // namespace edl
