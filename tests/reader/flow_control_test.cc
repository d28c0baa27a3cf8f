// SPDX-License-Identifier: Apache-2.0
#include "src/reader/flow_control.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace edl {
namespace {

TEST(FlowControl, HoldsTheSourceBackUntilABatchIsReleased) {
  FlowControl flow(/*batches=*/1, /*bytes=*/100, /*requests=*/10);
  std::int64_t bytes = 60;
  ASSERT_TRUE(flow.AdmitBatch(0, bytes));
  std::thread student([&] { flow.ReleaseBatch(60); });
  ASSERT_TRUE(flow.AdmitBatch(0, bytes));
  student.join();
}

TEST(FlowControl, ABatchOfMoreBytesThanThereAreTakesThemAll) {
  FlowControl flow(4, 100, 10);
  std::int64_t bytes = 1000;
  ASSERT_TRUE(flow.AdmitBatch(0, bytes));
  EXPECT_EQ(bytes, 100);
  std::thread student([&] { flow.ReleaseBatch(100); });
  std::int64_t one = 1;
  ASSERT_TRUE(flow.AdmitBatch(0, one));
  student.join();
}

// It waits until an eighth of the places is free, and then has to hear of it, whoever gives them back, and when.
TEST(FlowControl, ASourceThatWaitsForSeveralPlacesIsAlwaysWoken) {
  constexpr std::int64_t kBatches = 50'000;
  FlowControl flow(16, 1'000, 10);
  std::atomic<std::int64_t> admitted{0};
  std::thread source([&] {
    std::int64_t bytes = 1;
    for (std::int64_t i = 0; i < kBatches; ++i) {
      ASSERT_TRUE(flow.AdmitBatch(0, bytes));
      ++admitted;
    }
  });
  for (std::int64_t taken = 0; taken < kBatches; ++taken) {
    while (admitted == taken) std::this_thread::yield();
    ASSERT_LE(admitted - taken, 16);
    flow.ReleaseBatch(1);
  }
  source.join();
}

TEST(FlowControl, LeavingAnEpochRefusesItAndAdmitsTheNext) {
  FlowControl flow(1, 100, 1);
  std::int64_t bytes = 1;
  ASSERT_TRUE(flow.AdmitBatch(0, bytes));
  ASSERT_TRUE(flow.AdmitRequest(0));
  std::thread student([&] { flow.Leave(0); });
  EXPECT_FALSE(flow.AdmitRequest(0));
  EXPECT_FALSE(flow.AdmitBatch(0, bytes));
  student.join();
  flow.ReleaseBatch(1);
  EXPECT_TRUE(flow.AdmitBatch(1, bytes));
}

TEST(FlowControl, StoppingRefusesEverything) {
  FlowControl flow(1, 100, 1);
  std::int64_t bytes = 1;
  ASSERT_TRUE(flow.AdmitBatch(0, bytes));
  std::thread student([&] { flow.Stop(); });
  EXPECT_FALSE(flow.AdmitBatch(0, bytes));
  EXPECT_FALSE(flow.AwaitAsked(7));
  student.join();
}

TEST(FlowControl, RaisingAdmitsMore) {
  FlowControl flow(1, 100, 1);
  std::int64_t bytes = 1;
  ASSERT_TRUE(flow.AdmitBatch(0, bytes));
  flow.RaiseBatches(2);
  EXPECT_TRUE(flow.AdmitBatch(0, bytes));
  flow.RaiseBatches(1);  // never lowers
  flow.ReleaseBatch(1);
  flow.ReleaseBatch(1);
  EXPECT_TRUE(flow.AdmitBatch(0, bytes));
  EXPECT_TRUE(flow.AdmitBatch(0, bytes));
}

}  // namespace
}  // namespace edl
