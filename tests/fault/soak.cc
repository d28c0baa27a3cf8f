// SPDX-License-Identifier: Apache-2.0
// soak: the whole pipeline under random faults for as long as it is told, with a line a minute. One student for each
// form of source, all in this process and for the whole time, as in a training of weeks; twelve teachers at most, each
// a process of its own behind a wire of its own, which all students find through one Redis and share.
// What happens to them (tests/support/churn.h, redis_churn.h):
//   teachers   are killed, drained, hung, unlisted, all at once now and then; they come back, or others do
//   wires      are cut in the midst of a reply, are slow, let nothing through, forget their connections
//   Redis      crashes and comes back with old data or with none, hangs
//   students   leave epochs before their end, have their readers destroyed and made anew at any moment, pause
// At the end all is mended: every teacher must be back in rotation, and every student read a whole epoch.
// Usage: soak MINUTES    (EDL_TEST_SEED=n for that seed again)
// Exit status: 1 when a row was lost, doubled or mispaired, an item misplaced, a student got nothing for three minutes,
// something did not recover at the end, resident memory, threads or open files grew, or some are left when all is over.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/support/churn.h"
#include "tests/support/eventually.h"
#include "tests/support/footprint.h"
#include "tests/support/redis_churn.h"
#include "tests/support/seed.h"
#include "tests/support/short_lease.h"
#include "tests/support/trend.h"

namespace edl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

double minutes_to_soak = 0;

// Whether something that this process holds has grown. It goes up and down with the connections of the moment, so what
// is judged is the line through all samples.
struct Growth {
  const char* what;
  double test::Footprint::*field;
  double most;  // that the line may rise over the whole run, or a tenth of the mean if that is more
  test::Trend trend = {};

  void Judge() const {
    if (trend.count() < 2) {
      std::printf("%s: not judged, there were too few rows to warm up\n", what);
      return;
    }
    std::printf("%s: %.1f on the average, %+.2f an hour, %+.2f in all\n", what, trend.mean(), trend.per_hour(),
                trend.growth());
    EXPECT_LT(trend.growth(), std::max(most, trend.mean() / 10)) << what << " grew";
  }
};

class Soak {
 public:
  explicit Soak(std::uint64_t seed) : redis_(seed, seconds(5)) {
    for (SourceForm form : {SourceForm::kBatches, SourceForm::kSamples, SourceForm::kSampleLists}) {
      test::ChurnOptions options = test::DrawChurn(++seed, form);
      options.calm = milliseconds(300);
      options.links = test::ChurnOptions::Links::kWires;
      options.registry = test::ShortPoll(redis_.url());
      options.registry.missing_grace = milliseconds(1000 + seed % 4 * 1000);
      options.reader.attempt_timeout = seconds(1);   // the machine may have builds to do beside
      options.reader.shared_memory = seed % 2 == 0;  // else the rows themselves go over the wire
      options.leaves_one_in = 3;
      options.remakes_one_in = 25;
      students_.push_back({std::make_unique<test::Churn>(options)});
    }
  }

  // Looks at everything; called each few seconds.
  void Sample(Clock::duration since_start, Clock::duration warm_up) {
    bool warm = since_start >= warm_up;
    for (Reading& student : students_) {
      const std::int64_t rows = student.churn->student().rows();
      if (rows > std::exchange(student.rows, rows)) student.progressed = Clock::now();
      EXPECT_LT(Clock::now() - student.progressed, std::chrono::minutes(3)) << "a student got nothing";
      warm = warm && student.rows >= kWarmRows;
    }
    now_ = test::Footprint::Now();
    if (!warm) return;
    for (Growth& growth : growths_) growth.trend.Add(since_start, now_.*growth.field);
  }

  // One line of what has happened since the last one.
  void Report(int minute) {
    const test::RowTotals all = Totals();
    const double passed = std::chrono::duration<double>(Clock::now() - std::exchange(reported_, Clock::now())).count();
    const double speed = static_cast<double>(all.rows - std::exchange(rows_before_, all.rows)) / passed;
    std::printf("minute %d: rows %lld, %.0f rows/s, %s; %s; resident %.1f MB, threads %.0f, files %.0f\n", minute,
                static_cast<long long>(all.rows), speed, all.ToString().c_str(), Faults().ToString().c_str(),
                now_.resident_mb, now_.threads, now_.files);
    std::fflush(stdout);
  }

  // All is mended, and all recovers.
  void Settle() {
    test::RedisProcess& redis = redis_.Calm();
    std::set<std::string> teachers;
    for (Reading& student : students_) {
      for (std::string& endpoint : student.churn->Calm()) teachers.insert(std::move(endpoint));
    }
    EXPECT_EQ(teachers.size(), 4 * students_.size());
    constexpr seconds kPatience{120};  // leases are short, and a busy machine may let them run out
    std::set<std::string> listed, ready;
    std::vector<std::string> readers;
    test::Eventually(
        [&] {
          const std::vector<std::string> members = redis.Members("/service/rows/teachers");
          listed = {members.begin(), members.end()};
          readers = redis.Members("/service/rows/students");
          return listed == teachers && readers.size() == students_.size();
        },
        kPatience);
    ASSERT_THAT(listed, ::testing::ContainerEq(teachers)) << "in Redis";
    ASSERT_THAT(readers, ::testing::SizeIs(students_.size())) << "in Redis";
    test::Eventually([&] { return (ready = InRotation()) == teachers; }, kPatience);
    ASSERT_THAT(ready, ::testing::ContainerEq(teachers)) << "in rotation";
    for (Reading& student : students_) ASSERT_TRUE(student.churn->student().AwaitAllReady());
    std::printf("settled: all %zu teachers in rotation, a whole epoch for each student\n", teachers.size());
  }

  void Summarize() {
    const test::RowTotals all = Totals();
    std::printf("in all: rows %lld, epochs %lld and %lld left early, %s\n", static_cast<long long>(all.rows),
                static_cast<long long>(all.epochs), static_cast<long long>(all.left), all.ToString().c_str());
    const test::FaultCounts faults = Faults();
    std::printf("faults %d: %s\n", faults.total(), faults.ToString().c_str());
    for (const Growth& growth : growths_) growth.Judge();
    std::fflush(stdout);
  }

 private:
  // Of each student, until pools are filled and every endpoint has been met; a busy machine takes its time for them.
  static constexpr std::int64_t kWarmRows = 5'000;

  struct Reading {
    std::unique_ptr<test::Churn> churn;
    std::int64_t rows = 0;
    Clock::time_point progressed = Clock::now();
  };

  test::RowTotals Totals() {
    test::RowTotals all;
    for (Reading& student : students_) all += student.churn->student().totals();
    return all;
  }

  test::FaultCounts Faults() {
    test::FaultCounts all = redis_.faults();
    for (Reading& student : students_) all += student.churn->faults();
    return all;
  }

  // Of any student.
  std::set<std::string> InRotation() {
    std::set<std::string> ready;
    for (Reading& student : students_) {
      for (const LaneStats& lane : student.churn->student().stats().lanes) {
        if (lane.state == "ready") ready.insert(lane.endpoint);
      }
    }
    return ready;
  }

  test::RedisChurn redis_;
  std::vector<Reading> students_;
  std::int64_t rows_before_ = 0;
  Clock::time_point reported_ = Clock::now();
  test::Footprint now_;
  Growth growths_[3] = {{"resident MB", &test::Footprint::resident_mb, 16},
                        {"threads", &test::Footprint::threads, 20},
                        {"files", &test::Footprint::files, 100}};
};

void Live(Soak& soak) {
  constexpr seconds kSample{2};
  const auto length =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::ratio<60>>(minutes_to_soak));
  const Clock::duration warm_up = std::min<Clock::duration>(std::chrono::minutes(3), length / 3);
  const Clock::time_point start = Clock::now();
  Clock::time_point next_line = start;
  for (int minute = 1; Clock::now() < start + length && !::testing::Test::HasFailure(); ++minute) {
    next_line = std::min(next_line + std::chrono::minutes(1), start + length);
    while (Clock::now() < next_line && !::testing::Test::HasFailure()) {
      std::this_thread::sleep_until(std::min(Clock::now() + kSample, next_line));
      soak.Sample(Clock::now() - start, warm_up);
    }
    soak.Report(minute);
  }
  if (!::testing::Test::HasFailure()) soak.Settle();
  soak.Summarize();
}

TEST(Soak, LosesNothing) {
  const test::Footprint before = test::Footprint::Now();
  auto soak = std::make_unique<Soak>(test::Seed());
  Live(*soak);
  soak.reset();
  // gRPC keeps its own to the end of the process: some a core, and no more for all that has been. Connections that were
  // being made go a few seconds later.
  const double of_grpc = 16 + 8 * std::thread::hardware_concurrency();
  test::Footprint after;
  test::Eventually([&] {
    after = test::Footprint::Now();
    return after.threads <= before.threads + of_grpc && after.files <= before.files + of_grpc;
  });
  std::printf("when all are gone: threads %.0f, files %.0f; before they came %.0f and %.0f\n", after.threads,
              after.files, before.threads, before.files);
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
