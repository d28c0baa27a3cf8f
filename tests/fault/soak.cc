// SPDX-License-Identifier: Apache-2.0
// soak: the churn of churn_test for as long as it is told, with a line a minute. One reader for each form of source,
// all in this process and for the whole time, as in a training of weeks.
// Usage: soak MINUTES    (EDL_TEST_SEED=n for that seed again)
// Exit status: 1 when a row was lost, doubled or mispaired, an item misplaced, a student got nothing for a minute, or
// memory grew.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/churn.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

using Clock = std::chrono::steady_clock;

double minutes_to_soak = 0;

// What this process holds: memory, threads, open files.
struct Footprint {
  double resident_mb = 0;
  long threads = 0;
  long files = 0;

  static Footprint Now() {
    Footprint now;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("VmRSS:", 0) == 0) now.resident_mb = std::atof(line.c_str() + 6) / 1024;
      if (line.rfind("Threads:", 0) == 0) now.threads = std::atol(line.c_str() + 8);
    }
    const std::filesystem::directory_iterator files("/proc/self/fd");
    now.files = std::distance(begin(files), end(files));
    return now;
  }
};

class Soak {
 public:
  explicit Soak(std::uint64_t seed) {
    for (SourceForm form : {SourceForm::kBatches, SourceForm::kSamples, SourceForm::kSampleLists}) {
      test::ChurnOptions options = test::DrawChurn(seed++, form);
      options.calm = std::chrono::milliseconds(100);
      churns_.push_back(std::make_unique<test::Churn>(options));
    }
    rows_before_.resize(churns_.size());
  }

  // One line of what has happened since the last one.
  void Report(int minute) {
    test::RowTotals all;
    int faults = 0;
    std::int64_t more = 0;
    for (std::size_t c = 0; c < churns_.size(); ++c) {
      const test::RowTotals totals = churns_[c]->student().totals();
      EXPECT_GT(totals.rows, rows_before_[c]) << "student " << c << " got nothing";
      more += totals.rows - std::exchange(rows_before_[c], totals.rows);
      all.rows += totals.rows;
      all.lost += totals.lost;
      all.doubled += totals.doubled;
      all.mispaired += totals.mispaired;
      all.misplaced += totals.misplaced;
      faults += churns_[c]->faults().total();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - std::exchange(reported_, Clock::now())).count();
    const Footprint now = Footprint::Now();
    std::printf("minute %d: rows %lld, %.0f rows/s, faults %d, %s, resident %.1f MB, threads %ld, files %ld\n", minute,
                static_cast<long long>(all.rows), static_cast<double>(more) / seconds, faults, all.ToString().c_str(),
                now.resident_mb, now.threads, now.files);
    std::fflush(stdout);
    // The first minutes fill pools and meet every endpoint for the first time.
    if (minute == kWarmMinutes) warm_ = now;
    if (minute > kWarmMinutes) {
      EXPECT_LT(now.resident_mb, 1.3 * warm_.resident_mb) << "memory grew from " << warm_.resident_mb << " MB";
    }
  }

  void Settle() {
    for (auto& churn : churns_) EXPECT_TRUE(churn->Settle());
  }

 private:
  static constexpr int kWarmMinutes = 3;

  std::vector<std::unique_ptr<test::Churn>> churns_;
  std::vector<std::int64_t> rows_before_;
  Clock::time_point reported_ = Clock::now();
  Footprint warm_;
};

TEST(Soak, LosesNothing) {
  Soak soak(test::Seed());
  const Clock::time_point start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double, std::ratio<60>>(minutes_to_soak));
  for (int minute = 1; Clock::now() < end && !HasFailure(); ++minute) {
    std::this_thread::sleep_until(std::min(start + std::chrono::minutes(minute), end));
    soak.Report(minute);
  }
  if (!HasFailure()) soak.Settle();
}

}  // namespace
}  // namespace edl

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  edl::minutes_to_soak = argc == 2 ? std::atof(argv[1]) : 0;
  if (edl::minutes_to_soak <= 0) {
    std::fprintf(stderr, "usage: soak MINUTES\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
