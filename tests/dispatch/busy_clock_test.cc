// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/busy_clock.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

const TimePoint kStart{std::chrono::hours(1)};

TEST(BusyClock, CountsFromTheFirstRequestToTheLastAnswer) {
  BusyClock clock;
  EXPECT_EQ(clock.idle_since(), std::nullopt);
  clock.MarkIdle(kStart);
  clock.MarkIdle(kStart + milliseconds(3));  // still
  EXPECT_EQ(clock.idle_since(), kStart);
  clock.MarkBusy(kStart + milliseconds(10));
  clock.MarkBusy(kStart + milliseconds(12));  // a second request beside the first
  EXPECT_EQ(clock.idle_since(), std::nullopt);
  EXPECT_EQ(clock.busy(kStart + milliseconds(15)), milliseconds(5));
  clock.MarkIdle(kStart + milliseconds(30));
  EXPECT_EQ(clock.busy(kStart + milliseconds(99)), milliseconds(20));
  clock.MarkBusy(kStart + milliseconds(100));
  EXPECT_EQ(clock.busy(kStart + milliseconds(101)), milliseconds(21));
  clock.Reset();
  EXPECT_EQ(clock.busy(kStart + milliseconds(200)), milliseconds(0));
}

}  // namespace
}  // namespace edl
