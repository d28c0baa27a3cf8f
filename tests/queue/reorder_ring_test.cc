// SPDX-License-Identifier: Apache-2.0
#include "src/queue/reorder_ring.h"

#include <algorithm>
#include <random>
#include <thread>

#include "gtest/gtest.h"
#include "src/queue/mutex_reorder_ring.h"
#include "tests/support/barrier.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

// One claim, both rings: the lock-free one must do what its twin does.
template <typename Ring>
class ReorderRingTest : public ::testing::Test {};
using Rings = ::testing::Types<ReorderRing<int>, MutexReorderRing<int>>;
TYPED_TEST_SUITE(ReorderRingTest, Rings);

TYPED_TEST(ReorderRingTest, HoldsLaterItemUntilEarlierArrives) {
  TypeParam ring(4);
  ring.Put(1, std::make_unique<int>(11));
  EXPECT_EQ(ring.TryTake(), nullptr);
  ring.Put(0, std::make_unique<int>(10));
  EXPECT_EQ(*ring.Take(), 10);
  EXPECT_EQ(*ring.Take(), 11);
  EXPECT_EQ(ring.TryTake(), nullptr);
}

TYPED_TEST(ReorderRingTest, WrapsAround) {
  TypeParam ring(2);
  for (int i = 0; i < 100; i += 2) {
    ring.Put(i + 1, std::make_unique<int>(i + 1));
    ring.Put(i, std::make_unique<int>(i));
    EXPECT_EQ(*ring.Take(), i);
    EXPECT_EQ(*ring.Take(), i + 1);
  }
}

TYPED_TEST(ReorderRingTest, GivesWhatIsThereAfterCloseThenNull) {
  TypeParam ring(4);
  ring.Put(0, std::make_unique<int>(7));
  ring.Close();
  EXPECT_EQ(*ring.Take(), 7);
  EXPECT_EQ(ring.Take(), nullptr);
}

TYPED_TEST(ReorderRingTest, CloseWakesTheConsumer) {
  TypeParam ring(4);
  std::thread closer([&] { ring.Close(); });
  EXPECT_EQ(ring.Take(), nullptr);
  closer.join();
}

TYPED_TEST(ReorderRingTest, FreesWhatNobodyTook) {
  TypeParam ring(4);  // AddressSanitizer sees a leak
  ring.Put(2, std::make_unique<int>(7));
}

// Producers put shuffled runs of numbers as fast as credits let them; the consumer must see every number, in order.
TYPED_TEST(ReorderRingTest, KeepsOrderUnderContention) {
  constexpr int kProducers = 3;
  constexpr std::uint64_t kItems = 20'000;
  const std::uint64_t seed = test::Seed();
  for (std::size_t capacity : {1u, 2u, 8u, 64u}) {
    TypeParam ring(capacity);
    std::atomic<std::uint64_t> taken{0};  // invariant 2: a number is put only when it is below taken + capacity
    test::Barrier start(kProducers + 1);
    std::vector<std::thread> producers;
    for (int p = 0; p < kProducers; ++p) {
      producers.emplace_back([&, p] {
        std::mt19937_64 random(seed + p);
        std::vector<std::uint64_t> mine;
        for (std::uint64_t n = p; n < kItems; n += kProducers) mine.push_back(n);
        start.Wait();
        // Within each run of numbers that fit the ring together, any order.
        for (std::size_t at = 0; at < mine.size();) {
          while (mine[at] >= taken.load() + capacity) std::this_thread::yield();
          std::size_t end = at + 1;
          while (end < mine.size() && mine[end] < taken.load() + capacity) ++end;
          std::shuffle(mine.begin() + at, mine.begin() + end, random);
          for (; at < end; ++at) ring.Put(mine[at], std::make_unique<int>(static_cast<int>(mine[at])));
        }
      });
    }
    start.Wait();
    for (std::uint64_t n = 0; n < kItems; ++n) {
      std::unique_ptr<int> item = ring.Take();
      ASSERT_EQ(*item, static_cast<int>(n)) << "capacity " << capacity;
      taken.fetch_add(1);
    }
    for (std::thread& producer : producers) producer.join();
  }
}

}  // namespace
}  // namespace edl
