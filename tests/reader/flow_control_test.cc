// SPDX-License-Identifier: Apache-2.0
#include "src/reader/flow_control.h"

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
