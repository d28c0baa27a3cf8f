// SPDX-License-Identifier: Apache-2.0
#include "edl/shared_arena.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/mapping.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

TEST(SharedArena, GivesMemoryThatOthersCanMapByItsKey) {
  auto arena = SharedArena::Create(1 << 20).value();
  std::shared_ptr<void> memory = arena->Allocate(1000);
  EXPECT_EQ(MappedFrom(memory.get()), "/dev/shm" + arena->key());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % 64, 0u);
  EXPECT_EQ(arena->OffsetOf(memory.get(), 1000), 0u);
  std::shared_ptr<void> next = arena->Allocate(1);
  EXPECT_EQ(arena->OffsetOf(static_cast<char*>(next.get()), 1), 1024u);
}

TEST(SharedArena, KnowsWhatIsNotInIt) {
  auto arena = SharedArena::Create(4096).value();
  std::shared_ptr<void> all = arena->Allocate(4096);
  int elsewhere = 0;
  EXPECT_FALSE(arena->OffsetOf(&elsewhere, sizeof elsewhere));
  EXPECT_FALSE(arena->OffsetOf(static_cast<char*>(all.get()) + 4000, 97));
  EXPECT_FALSE(arena->OffsetOf(static_cast<char*>(all.get()) + 4096, 0));
  EXPECT_EQ(arena->OffsetOf(static_cast<char*>(all.get()) + 4000, 96), 4000u);
}

TEST(SharedArena, GivesOrdinaryMemoryWhenItIsFullAndCountsThat) {
  auto arena = SharedArena::Create(4096).value();
  std::shared_ptr<void> all = arena->Allocate(4096);
  std::shared_ptr<void> more = arena->Allocate(100);
  std::memset(more.get(), 1, 100);
  EXPECT_FALSE(InSharedMemory(more.get()));
  EXPECT_EQ(arena->stats().outside, 1);
  EXPECT_EQ(arena->stats().used, 4096u);
  all.reset();
  EXPECT_EQ(arena->stats().used, 0u);
  EXPECT_TRUE(InSharedMemory(arena->Allocate(100).get()));
}

TEST(SharedArena, OutlivesItselfWhileItsMemoryIsInUse) {
  auto arena = SharedArena::Create(4096).value();
  std::shared_ptr<void> memory = arena->Allocate(4096);
  const std::string key = arena->key();
  arena.reset();
  std::memset(memory.get(), 1, 4096);
  EXPECT_FALSE(KeyIsGone(key));
  memory.reset();
  EXPECT_TRUE(KeyIsGone(key));
}

TEST(SharedArena, HasOnePieceAgainWhenAllIsGivenBackInAnyOrder) {
  const auto seed = test::Seed();
  std::mt19937 random(static_cast<unsigned>(seed));
  auto arena = SharedArena::Create(1 << 20).value();
  std::deque<std::shared_ptr<void>> pieces;
  for (int step = 0; step < 5'000; ++step) {
    if (pieces.empty() || random() % 2 == 0) {
      const std::size_t size = 1 + random() % 50'000;
      pieces.push_back(arena->Allocate(size));
      std::memset(pieces.back().get(), step, size);
    } else {
      std::swap(pieces[random() % pieces.size()], pieces.back());
      pieces.pop_back();
    }
  }
  pieces.clear();
  EXPECT_EQ(arena->stats().used, 0u);
  EXPECT_TRUE(InSharedMemory(arena->Allocate(1 << 20).get()));
}

}  // namespace
}  // namespace edl
