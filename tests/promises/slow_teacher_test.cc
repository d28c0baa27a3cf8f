// SPDX-License-Identifier: Apache-2.0
// Promise 5, of teachers that slow down or hang: they hold up nobody, and every row still has its own soft label.
#include <algorithm>
#include <atomic>
#include <random>

#include "tests/support/event.h"
#include "tests/support/rows.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

using std::chrono::microseconds;

// Quick, but for a request in twenty.
testing::FakeTeacherOptions Stutters(std::uint64_t seed) {
  testing::FakeTeacherOptions options;
  options.instances = 2;
  options.delay = [seed](const std::vector<Tensor>& inputs) {
    std::seed_seq mix{static_cast<std::uint64_t>(inputs[0].data_as<std::int64_t>()[0]), seed};
    std::mt19937 random(mix);
    return microseconds(random() % 20 == 0 ? 20'000 : 200 + random() % 300);
  };
  return options;
}

TEST(SlowTeacher, HedgedRequestsGiveEachRowItsOwnSoftLabelOnce) {
  const std::uint64_t seed = test::Seed();
  std::int64_t hedged = 0;
  for (bool ordered : {true, false}) {
    std::vector<std::unique_ptr<testing::FakeTeacher>> teachers;
    // Each stutters at other rows, so that a hedge is likely to be quick.
    for (int t = 0; t < 3; ++t) teachers.push_back(test::StartTeacher(Stutters(seed + t)));
    ReaderOptions options = test::RowOptions();
    options.ordered = ordered;
    options.hedge_budget = 1;
    options.max_batches_ahead = 4;
    auto reader = test::NewReader(test::BatchesOf(300, 7), test::Watch(teachers), options);
    for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
      std::vector<bool> seen(300);
      for (auto& batch : reader->Epoch()) {
        ASSERT_TRUE(batch.ok()) << batch.status();
        ASSERT_EQ(batch->epoch, epoch);
        ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(*batch, epoch * 1'000'000 + 7 * batch->batch_seq, 7));
        ASSERT_FALSE(seen[batch->batch_seq]);
        seen[batch->batch_seq] = true;
        if (epoch == 2 && batch->batch_seq == 150) break;  // leaves with attempts in the air
      }
      EXPECT_EQ(std::count(seen.begin(), seen.end(), true) == 300, epoch != 2);
    }
    hedged += reader->Stats().hedged;
    EXPECT_EQ(reader->Stats().retried, 0) << "to lose a race is no failure\n" << reader->Stats().ToString();
  }
  EXPECT_GT(hedged, 0);
}

// Its requests would otherwise come back after attempt_timeout, a minute. Ordered delivery needs every one of them.
TEST(SlowTeacher, OneThatHangsHoldsUpNobodyAndIsUsedWhenItGoesOn) {
  Event release;
  std::atomic<bool> hangs{false};
  testing::FakeTeacherOptions quick;
  quick.delay = [](const auto&) { return microseconds(500); };
  auto good = test::StartTeacher(quick);
  auto hung = test::StartTeacher(quick, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    if (hangs) release.Wait();
    return test::ScoreRows(inputs);
  });
  ReaderOptions options = test::RowOptions();
  options.hedge_budget = 1;
  auto reader =
      test::NewReader(test::BatchesOf(1'000'000, 4), FixedTeachers({hung->endpoint(), good->endpoint()}), options);
  std::int64_t i = 0;
  auto read = [&](const std::function<bool()>& enough) {
    while (!enough()) {
      auto batch = reader->Next();
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(**batch, 4 * i, 4));
      ++i;
    }
  };
  ASSERT_NO_FATAL_FAILURE(read([&] { return hung->calls() > 50 && good->calls() > 50; }));
  auto hung_at = std::chrono::steady_clock::now();
  hangs = true;
  const std::int64_t before = i;
  ASSERT_NO_FATAL_FAILURE(read([&] { return i == before + 500; }));
  EXPECT_LT(std::chrono::steady_clock::now() - hung_at, std::chrono::seconds(20)) << "not a minute";
  EXPECT_GT(reader->Stats().hedges_won, 0);
  hangs = false;
  release.Set();
  const std::int64_t calls = hung->calls();
  ASSERT_NO_FATAL_FAILURE(read([&] { return hung->calls() > calls + 20; }));
}

TEST(SlowTeacher, OneTenTimesSlowerDoesWhatItCan) {
  auto takes = [](int milliseconds) {
    testing::FakeTeacherOptions options;
    options.delay = [milliseconds](const auto&) { return std::chrono::milliseconds(milliseconds); };
    return test::StartTeacher(options);
  };
  auto slow = takes(20);
  auto quick = takes(2);
  ReaderOptions options = test::RowOptions();
  options.num_epochs = 1;
  auto reader = test::NewReader(test::BatchesOf(500, 4), FixedTeachers({slow->endpoint(), quick->endpoint()}), options);
  test::ExpectEpoch(*reader, 0, 500, 4);
  ReaderStats stats = reader->Stats();
  EXPECT_GE(stats.lanes[0].completed, 5) << stats.ToString();
  EXPECT_LE(stats.lanes[0].completed, 150) << stats.ToString();
  EXPECT_EQ(stats.retried, 0) << stats.ToString();
}

}  // namespace
}  // namespace edl
