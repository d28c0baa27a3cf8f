// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/token_bucket.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

const TimePoint kStart{std::chrono::hours(1)};

int TakeAll(TokenBucket& bucket, TimePoint now, std::int64_t events) {
  int taken = 0;
  while (taken < 1000 && bucket.TryTake(now, events)) ++taken;
  return taken;
}

TEST(TokenBucket, HoldsNoMoreThanItsMost) {
  TokenBucket bucket({0.5, 10, 5});
  EXPECT_EQ(TakeAll(bucket, kStart, 0), 5);
  EXPECT_EQ(TakeAll(bucket, kStart + std::chrono::hours(1), 1'000'000), 5);
}

TEST(TokenBucket, EventsEarn) {
  TokenBucket bucket({0.1, 0, 5});
  TakeAll(bucket, kStart, 100);
  EXPECT_EQ(TakeAll(bucket, kStart, 109), 0);
  EXPECT_EQ(TakeAll(bucket, kStart, 110), 1);
  EXPECT_EQ(TakeAll(bucket, kStart, 140), 3);
}

TEST(TokenBucket, TimeEarns) {
  TokenBucket bucket({0, 10, 5});
  TakeAll(bucket, kStart, 0);
  EXPECT_EQ(TakeAll(bucket, kStart + milliseconds(99), 0), 0);
  EXPECT_EQ(TakeAll(bucket, kStart + milliseconds(100), 0), 1);
  EXPECT_EQ(TakeAll(bucket, kStart + milliseconds(50), 0), 0) << "an older time than the last";
  EXPECT_EQ(TakeAll(bucket, kStart + milliseconds(400), 0), 3);
}

TEST(TokenBucket, WhatIsPutBackCanBeTakenAgain) {
  TokenBucket bucket({0, 0, 1});
  EXPECT_TRUE(bucket.TryTake(kStart, 0));
  bucket.PutBack();
  bucket.PutBack();
  EXPECT_EQ(TakeAll(bucket, kStart, 0), 1);
}

}  // namespace
}  // namespace edl
