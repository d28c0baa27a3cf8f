// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/buffer_pool.h"

#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

TEST(BufferPool, GivesABufferAgainOnceNobodyHoldsIt) {
  BufferPool pool;
  std::shared_ptr<std::byte> first = pool.Take(1000);
  std::shared_ptr<std::byte> second = pool.Take(1000);
  EXPECT_NE(first, second);
  const std::byte* const freed = first.get();
  std::shared_ptr<std::byte> holder = std::move(first);
  EXPECT_NE(pool.Take(1000).get(), freed);  // it is still held
  holder.reset();
  EXPECT_EQ(pool.Take(1000).get(), freed);
}

TEST(BufferPool, GivesNoneThatIsTooSmallOrFarTooLarge) {
  BufferPool pool;
  const std::byte* const freed = pool.Take(1000).get();
  std::shared_ptr<std::byte> half = pool.Take(500);
  EXPECT_EQ(half.get(), freed);
  half.reset();
  std::memset(pool.Take(100'000).get(), 1, 100'000);  // the sanitizer would see it in the smaller one
  std::memset(pool.Take(1000).get(), 1, 1000);
}

TEST(BufferPool, BuffersOutliveIt) {
  std::shared_ptr<std::byte> buffer = BufferPool().Take(64);
  std::memset(buffer.get(), 7, 64);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 64, 0U);
}

TEST(BufferPool, NeverGivesTheSameBytesTwiceAtATime) {
  const std::uint64_t seed = test::Seed();
  BufferPool pool;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, seed, t] {
      std::mt19937_64 random(seed + static_cast<std::uint64_t>(t));
      for (int i = 0; i < 5'000; ++i) {
        const std::size_t size = 1 + random() % 4'096;
        std::shared_ptr<std::byte> buffer = pool.Take(size);
        const auto mark = std::byte(t);
        std::memset(buffer.get(), t, size);
        std::this_thread::yield();
        ASSERT_EQ(buffer.get()[0], mark);
        ASSERT_EQ(buffer.get()[size - 1], mark);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace edl
