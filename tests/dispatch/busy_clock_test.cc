// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/busy_clock.h"

#include <atomic>
#include <thread>
#include <vector>

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

TEST(BusyClock, WhatWasToldDoesNotFallWhenAThreadComesLate) {
  BusyClock clock;
  clock.MarkIdle(kStart);
  clock.MarkBusy(kStart + milliseconds(1));
  EXPECT_EQ(clock.busy(kStart + milliseconds(11)), milliseconds(10));
  clock.MarkIdle(kStart + milliseconds(8));  // read its clock before, and was held up
  EXPECT_EQ(clock.busy(kStart + milliseconds(20)), milliseconds(10));
  EXPECT_EQ(clock.busy(kStart + milliseconds(5)), milliseconds(10));
}

TEST(BusyClock, NeverFallsWhateverComesAtTheSameTime) {
  BusyClock clock;
  const TimePoint start = std::chrono::steady_clock::now();
  clock.MarkIdle(start);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        clock.MarkBusy(std::chrono::steady_clock::now());
        clock.MarkIdle(std::chrono::steady_clock::now());
      }
    });
  }
  std::chrono::nanoseconds last{0};
  for (int i = 0; i < 20'000; ++i) {
    const TimePoint now = std::chrono::steady_clock::now();
    const std::chrono::nanoseconds busy = clock.busy(now);
    EXPECT_GE(busy, last);
    last = busy;
  }
  EXPECT_LE(last, std::chrono::steady_clock::now() - start);
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace edl
