// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/shared_memory.h"

#include <cstring>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "tests/support/mapping.h"
#include "tests/support/memory_owner.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

TEST(SharedMemory, IsSeenByWhoAttachesToItsKey) {
  auto ours = SharedMemory::Create(10'000).value();
  std::memcpy(ours->data() + 5'000, "soft labels", 12);
  auto theirs = SharedMemory::Attach(ours->key(), 5'000, 12).value();
  EXPECT_STREQ(reinterpret_cast<const char*>(theirs->data()), "soft labels");
  std::memcpy(theirs->data(), "hard labels", 12);
  EXPECT_STREQ(reinterpret_cast<const char*>(ours->data() + 5'000), "hard labels");
}

TEST(SharedMemory, StaysWithWhoHasItWhenItsKeyIsGone) {
  auto ours = SharedMemory::Create(4'096).value();
  ours->data()[0] = std::byte{7};
  auto theirs = SharedMemory::Attach(ours->key(), 0, 4'096).value();
  const std::string key = ours->key();
  ours->Unlink();
  EXPECT_TRUE(KeyIsGone(key));
  EXPECT_EQ(SharedMemory::Attach(key, 0, 1).status().code(), absl::StatusCode::kNotFound);
  ours.reset();
  EXPECT_EQ(theirs->data()[0], std::byte{7});
}

TEST(SharedMemory, LeavesNoKeyBehind) {
  std::string key;
  {
    auto memory = SharedMemory::Create(1).value();
    key = memory->key();
    EXPECT_FALSE(KeyIsGone(key));
  }
  EXPECT_TRUE(KeyIsGone(key));
}

TEST(SharedMemory, RefusesWhatIsNotInIt) {
  auto memory = SharedMemory::Create(100).value();
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  for (auto [offset, size] :
       {std::pair<std::uint64_t, std::uint64_t>{0, 101}, {100, 1}, {0, 0}, {kHuge, 2}, {2, kHuge}}) {
    const absl::Status status = SharedMemory::Attach(memory->key(), offset, size).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << offset << " " << size;
    EXPECT_THAT(std::string(status.message()), HasSubstr("holds 100 bytes"));
  }
  EXPECT_TRUE(SharedMemory::Attach(memory->key(), 99, 1).ok());
}

TEST(SharedMemory, OpensNothingButKeys) {
  for (const std::string& key : {std::string(""), std::string("/"), std::string(".."), std::string("/../etc/passwd"),
                                 std::string("a b"), std::string(300, 'k'), std::string("k\0k", 3)}) {
    EXPECT_EQ(SharedMemory::Attach(key, 0, 1).status().code(), absl::StatusCode::kInvalidArgument) << key;
  }
  EXPECT_EQ(SharedMemory::Attach("/edl-nobody", 0, 1).status().code(), absl::StatusCode::kNotFound);
}

TEST(SharedMemory, SaysWhenThereIsNoRoomForIt) {
  const absl::Status status = SharedMemory::Create(std::size_t{1} << 60).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST(SharedMemory, OfAKilledProcessIsAnOrphanAndSwept) {
  MemoryOwner owner(4'096);
  auto attached = SharedMemory::Attach(owner.key(), 0, 4'096).value();
  SharedMemory::SweepOrphans();
  EXPECT_FALSE(attached->Orphaned());
  EXPECT_FALSE(KeyIsGone(owner.key()));
  owner.Kill();
  EXPECT_TRUE(attached->Orphaned());
  SharedMemory::SweepOrphans();
  EXPECT_TRUE(KeyIsGone(owner.key()));
}

}  // namespace
}  // namespace edl
