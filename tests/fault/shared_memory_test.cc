// SPDX-License-Identifier: Apache-2.0
// SIGKILL, while tensors travel in shared memory: no row is lost, and nothing stays in /dev/shm.
#include "tests/support/mapping.h"
#include "tests/support/real_teacher.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

constexpr std::int64_t kRows = 8'192;  // 128 KiB a request
constexpr std::int64_t kBatches = 50;

TEST(SharedMemory, OutlivesATeacherThatIsKilledAndStartedAgain) {
  auto teachers = test::StartRealTeachers(2);
  ReaderOptions options = test::RowOptions(kRows);
  options.arena = SharedArena::Create(8 << 20).value();  // unused, but registered with each teacher
  auto reader = test::NewReader(test::BatchesOf(kBatches, kRows), test::Watch(teachers), options);
  std::int64_t epoch = 0;
  for (int round = 0; round < 4; ++round) {
    test::TeacherPtr& victim = teachers[static_cast<std::size_t>(round % 2)];
    // Not before it is read from shared memory again: this process then holds what it has handed over.
    do {
      ASSERT_NO_FATAL_FAILURE(test::ExpectEpoch(*reader, epoch++, kBatches, kRows));
    } while (SharedMemoryMappings() < 3);
    auto in_mid_epoch = reader->Next();
    ASSERT_TRUE(in_mid_epoch.ok()) << in_mid_epoch.status();
    victim->Kill();
    std::int64_t left = kBatches - 1;
    for (auto batch = reader->Next(); batch.value(); batch = reader->Next()) --left;
    EXPECT_EQ(left, 0);
    ++epoch;
    victim = test::Restart(*victim);
  }
  const std::string arena_key = options.arena->key();
  options.arena.reset();
  reader.reset();
  EXPECT_EQ(SharedMemoryMappings(), 0);
  EXPECT_TRUE(KeyIsGone(arena_key));
}

}  // namespace
}  // namespace edl
