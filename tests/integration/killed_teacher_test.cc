// SPDX-License-Identifier: Apache-2.0
// Promises 2 and 5 with real processes and real signals.
#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include "edl/testing/teacher_process.h"
#include "tests/support/event.h"
#include "tests/support/rows.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

using testing::TeacherProcess;

std::unique_ptr<TeacherProcess> StartProcess(const std::string& port = "0", const std::string& delay_us = "300") {
  auto process = TeacherProcess::Start({LINEAR_TEACHER, port, delay_us});
  EXPECT_TRUE(process.ok()) << process.status();
  return *std::move(process);
}

std::string PortOf(const std::string& endpoint) {
  return endpoint.substr(endpoint.rfind(':') + 1);
}

LaneStats LaneOf(const DistillReader& reader, const std::string& endpoint) {
  for (const LaneStats& lane : reader.Stats().lanes) {
    if (lane.endpoint == endpoint) return lane;
  }
  return {};
}

// Reads on from batch `i` of epoch 0 until `enough`, checking every row.
void ReadUntil(DistillReader& reader, std::int64_t& i, const std::function<bool()>& enough) {
  while (!enough()) {
    auto batch = reader.Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_TRUE(batch->has_value());
    ASSERT_NO_FATAL_FAILURE(test::ExpectBatch(**batch, 8 * i, 8));
    ++i;
  }
}

TEST(KilledTeacher, LosesNothingAndIsUsedAgainWithinASecond) {
  auto stays = StartProcess();
  auto dies = StartProcess();
  const std::string endpoint = dies->endpoint();
  auto reader = test::NewReader(test::BatchesOf(100'000'000, 8), FixedTeachers({stays->endpoint(), endpoint}));
  std::int64_t i = 0;
  for (int round = 0; round < 3; ++round) {
    ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).in_flight > 0; });
    dies->Kill();
    ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).ejections > round; });
    const std::int64_t completed = LaneOf(*reader, endpoint).completed;
    dies = StartProcess(PortOf(endpoint));
    const auto back = std::chrono::steady_clock::now();
    ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).completed > completed; });
    EXPECT_LT(std::chrono::steady_clock::now() - back, std::chrono::seconds(1));
  }
  EXPECT_GT(reader->Stats().retried, 0);
}

// Teachers die and come back at random for as long as the epochs last; each row must come out once, with its own label.
TEST(KilledTeacher, ManyEpochsWhileTeachersDieAndComeBackAtRandom) {
  std::mt19937_64 random(test::Seed());
  std::vector<std::unique_ptr<TeacherProcess>> processes;
  std::vector<std::string> endpoints;
  for (int t = 0; t < 3; ++t) {
    processes.push_back(StartProcess());
    endpoints.push_back(processes.back()->endpoint());
  }
  ReaderOptions options = test::RowOptions(/*teacher_batch_rows=*/3);
  options.max_attempts = 1000;  // one unlucky request may meet every death
  auto reader = test::NewReader(test::BatchesOf(200, 8), FixedTeachers(endpoints), options);
  std::atomic<bool> stop{false};
  std::atomic<int> deaths{0};
  std::thread fate([&] {
    while (!stop) {
      const std::size_t t = random() % processes.size();
      processes[t]->Kill();
      ++deaths;
      processes[t] = StartProcess(PortOf(endpoints[t]));
    }
  });
  int epoch = 0;
  for (; (deaths < 30 || epoch < 20) && !HasFatalFailure(); ++epoch) test::ExpectEpoch(*reader, epoch, 200, 8);
  stop = true;
  fate.join();
  test::ExpectEpoch(*reader, epoch, 200, 8);  // and it has recovered
}

TEST(KilledTeacher, OneThatHangsCostsAnAttemptAndIsUsedAgainWhenItGoesOn) {
  auto stays = StartProcess();
  auto hangs = StartProcess();
  ReaderOptions options = test::RowOptions();
  options.attempt_timeout = std::chrono::milliseconds(300);
  const std::string endpoint = hangs->endpoint();
  auto reader = test::NewReader(test::BatchesOf(100'000'000, 8), FixedTeachers({stays->endpoint(), endpoint}), options);
  std::int64_t i = 0;
  ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).in_flight > 0; });
  hangs->Pause();
  ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).ejections > 0; });
  const std::int64_t completed = LaneOf(*reader, endpoint).completed;
  hangs->Resume();
  ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).completed > completed; });
}

TEST(KilledTeacher, OneThatDrainsFinishesWhatItHasAndLosesNothing) {
  auto stays = StartProcess();
  auto drains = StartProcess();
  const std::string endpoint = drains->endpoint();
  auto reader = test::NewReader(test::BatchesOf(100'000'000, 8), FixedTeachers({stays->endpoint(), endpoint}));
  std::int64_t i = 0;
  ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).in_flight > 0; });
  drains->Terminate();
  ReadUntil(*reader, i, [&] { return LaneOf(*reader, endpoint).state != "ready"; });
  EXPECT_EQ(drains->Wait(), 0);
  const std::int64_t at_end = i;
  ReadUntil(*reader, i, [&] { return i > at_end + 100; });
}

}  // namespace
}  // namespace edl
