// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/buffer_pool.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/base/mutex.h"
#include "src/tensor/aligned_buffer.h"

namespace edl {

class BufferPool::FreeList {
 public:
  struct Buffer {
    std::size_t byte_size = 0;
    std::shared_ptr<std::byte> memory;
  };

  Buffer Take(std::size_t byte_size) {
    Buffer misfit;  // given back when the lock is gone
    {
      MutexLock lock(mu_);
      auto fit = std::find_if(free_.rbegin(), free_.rend(), [&](const Buffer& buffer) {
        return byte_size <= buffer.byte_size && buffer.byte_size / 2 <= byte_size;
      });
      if (fit != free_.rend()) {
        std::swap(*fit, free_.back());
        return Pop();
      }
      if (free_.empty()) {
        free_.reserve(++made_);  // so that Return, which runs in a deleter, never allocates
      } else {
        misfit = Pop();
      }
    }
    return {byte_size, AllocateAligned(byte_size)};
  }

  void Return(Buffer buffer) {
    MutexLock lock(mu_);
    free_.push_back(std::move(buffer));
  }

 private:
  Buffer Pop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Buffer last = std::move(free_.back());
    free_.pop_back();
    return last;
  }

  Mutex mu_;
  std::vector<Buffer> free_ ABSL_GUARDED_BY(mu_);
  std::size_t made_ ABSL_GUARDED_BY(mu_) = 0;  // in use or free: never more than were in use at a time
};

BufferPool::BufferPool() : free_(std::make_shared<FreeList>()) {}

std::shared_ptr<std::byte> BufferPool::Take(std::size_t byte_size) {
  FreeList::Buffer buffer = free_->Take(byte_size);
  std::byte* memory = buffer.memory.get();
  return std::shared_ptr<std::byte>(
      memory, [list = free_, buffer = std::move(buffer)](std::byte*) mutable { list->Return(std::move(buffer)); });
}

}  // namespace edl
