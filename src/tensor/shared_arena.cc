// SPDX-License-Identifier: Apache-2.0
#include "edl/shared_arena.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "src/base/mutex.h"
#include "src/base/status.h"
#include "src/tensor/aligned_buffer.h"
#include "src/tensor/shared_memory.h"

namespace edl {

// First fit over a map of what is free, neighbours joined: loaders take pieces of one or two sizes, and few at a time.
class SharedArena::Blocks {
 public:
  explicit Blocks(std::shared_ptr<SharedMemory> memory) : memory_(std::move(memory)), free_{{0, memory_->size()}} {}

  const SharedMemory& memory() const { return *memory_; }

  std::optional<std::size_t> Take(std::size_t size) {
    MutexLock lock(mu_);
    ++allocations_;
    auto block = std::find_if(free_.begin(), free_.end(), [size](const auto& one) { return one.second >= size; });
    if (block == free_.end()) {
      ++outside_;
      return std::nullopt;
    }
    const auto [offset, room] = *block;
    free_.erase(block);
    if (room > size) free_.emplace(offset + size, room - size);
    used_ += size;
    return offset;
  }

  void GiveBack(std::size_t offset, std::size_t size) {
    MutexLock lock(mu_);
    used_ -= size;
    auto next = free_.lower_bound(offset);
    if (next != free_.end() && next->first == offset + size) {
      size += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin()) {
      if (auto before = std::prev(next); before->first + before->second == offset) {
        before->second += size;
        return;
      }
    }
    free_.emplace(offset, size);
  }

  Stats stats() const {
    MutexLock lock(mu_);
    return {memory_->size(), used_, allocations_, outside_};
  }

 private:
  const std::shared_ptr<SharedMemory> memory_;
  mutable Mutex mu_;
  std::map<std::size_t, std::size_t> free_ ABSL_GUARDED_BY(mu_);  // offset -> size
  std::size_t used_ ABSL_GUARDED_BY(mu_) = 0;
  std::int64_t allocations_ ABSL_GUARDED_BY(mu_) = 0;
  std::int64_t outside_ ABSL_GUARDED_BY(mu_) = 0;
};

absl::StatusOr<std::shared_ptr<SharedArena>> SharedArena::Create(std::size_t byte_size) {
  EDL_ASSIGN_OR_RETURN(std::shared_ptr<SharedMemory> memory, SharedMemory::Create(byte_size));
  return std::shared_ptr<SharedArena>(new SharedArena(std::make_shared<Blocks>(std::move(memory))));
}

SharedArena::SharedArena(std::shared_ptr<Blocks> blocks) : blocks_(std::move(blocks)) {}

SharedArena::~SharedArena() = default;

std::shared_ptr<void> SharedArena::Allocate(std::size_t byte_size) {
  const std::size_t size =
      std::max(byte_size + kTensorAlignment - 1, kTensorAlignment) / kTensorAlignment * kTensorAlignment;
  const std::optional<std::size_t> offset = size < byte_size ? std::nullopt : blocks_->Take(size);
  if (!offset) return AllocateAligned(byte_size);
  return std::shared_ptr<void>(blocks_->memory().data() + *offset,
                               [blocks = blocks_, offset = *offset, size](void*) { blocks->GiveBack(offset, size); });
}

SharedArena::Stats SharedArena::stats() const {
  return blocks_->stats();
}

const std::string& SharedArena::key() const {
  return blocks_->memory().key();
}

std::size_t SharedArena::byte_size() const {
  return blocks_->memory().size();
}

std::optional<std::size_t> SharedArena::OffsetOf(const void* data, std::size_t byte_size) const {
  const SharedMemory& memory = blocks_->memory();
  const auto* at = static_cast<const std::byte*>(data);
  const std::less<const std::byte*> before;  // the order of pointers into different pieces of memory
  if (before(at, memory.data()) || !before(at, memory.data() + memory.size())) return std::nullopt;
  const auto offset = static_cast<std::size_t>(at - memory.data());
  if (byte_size > memory.size() - offset) return std::nullopt;
  return offset;
}

}  // namespace edl
