// SPDX-License-Identifier: Apache-2.0
// BufferPool: buffers that are used again once nobody holds them. A large one would else be mapped, faulted in and
// unmapped for each request, which costs more than filling it.
// Place: where a stage makes new tensors of one kind, request after request, in the student's process, whose allocator
//        is not ours to tune.
// Bounds: has as many buffers as were once in use at a time; where none that is free fits (as large as is wanted, or up
//         to twice that), one of them is given back for the new one.
// Thread-safety: any thread.
// Lifetime: a buffer may outlive the pool.
#pragma once

#include <cstddef>
#include <memory>

namespace edl {

class BufferPool {
 public:
  BufferPool();

  // Uninitialised, aligned as AllocateAligned's. Throws std::bad_alloc.
  std::shared_ptr<std::byte> Take(std::size_t byte_size);

 private:
  class FreeList;
  const std::shared_ptr<FreeList> free_;  // held by every buffer that is in use
};

}  // namespace edl
