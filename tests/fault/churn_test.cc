// SPDX-License-Identifier: Apache-2.0
// All faults that a process can have, at random, in all three forms of source, with pauses of source and student:
// 60 epochs a seed. EDL_TEST_SEED=n runs that seed again, EDL_CHURN_SEEDS=n that many.
#include "tests/support/churn.h"

#include <cstdlib>

#include "tests/support/seed.h"

namespace edl {
namespace {

constexpr int kEpochs = 20;  // of each form
constexpr int kFaults = 20;  // in each form, at least

void Live(std::uint64_t seed, SourceForm form) {
  const test::ChurnOptions options = test::DrawChurn(seed, form);
  SCOPED_TRACE(options.reader.ToString());
  test::Churn churn(options);
  // One after the other: all of them may take a busy machine longer than a test waits for one thing.
  for (int epoch = 1; epoch <= kEpochs; ++epoch) {
    ASSERT_TRUE(churn.student().Await("an epoch", [&] { return churn.student().totals().epochs >= epoch; }));
  }
  ASSERT_TRUE(churn.student().Await("faults", [&] { return churn.faults().total() >= kFaults; }));
  ASSERT_TRUE(churn.Settle());
  const test::RowTotals totals = churn.student().totals();
  std::cout << "  epochs " << totals.epochs << ", rows " << totals.rows << ", " << totals.ToString() << "; "
            << churn.faults().ToString() << std::endl;
}

TEST(Churn, LosesNothingInSixtyEpochs) {
  const char* given = std::getenv("EDL_CHURN_SEEDS");
  const int seeds = given != nullptr ? std::atoi(given) : 1;
  const std::uint64_t first = test::Seed();
  for (int s = 0; s < seeds; ++s) {
    const std::uint64_t seed = first + static_cast<std::uint64_t>(s);
    std::cout << "seed " << seed << std::endl;
    for (SourceForm form : {SourceForm::kBatches, SourceForm::kSamples, SourceForm::kSampleLists}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", form " + std::to_string(static_cast<int>(form)));
      ASSERT_NO_FATAL_FAILURE(Live(seed, form));
      ASSERT_FALSE(HasFailure());
    }
  }
}

}  // namespace
}  // namespace edl
