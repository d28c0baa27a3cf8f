// SPDX-License-Identifier: Apache-2.0
// SharedArena: memory for a loader's batches that teachers on the student's machine read where it lies.
// Place: the loader writes its samples there, the reader knows it by ReaderOptions::arena. What goes to a teacher on
//        this machine that takes shared memory is then not copied at all; what goes to others travels as ever.
//
//   auto arena = edl::SharedArena::Create(std::size_t{512} << 20).value();
//   std::shared_ptr<void> memory = arena->Allocate(byte_size);
//   Decode(files, memory.get());
//   edl::Tensor images = edl::Tensor::Wrap(dtype, shape, memory.get(), byte_size, memory).value();
//
// Errors: Create: RESOURCE_EXHAUSTED - /dev/shm has no room for it (a container's often has 64 MB; docker run
//         --shm-size); UNAVAILABLE - there is no shared memory here.
// Thread-safety: any thread.
// Lifetime, cost: memory goes back to the arena with the last copy of its pointer, so with the last tensor; the arena
//                 itself lives as long as any of it is in use. All of it is set aside at once. When this process dies,
//                 however it dies, it is given back to the system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace edl {

class SharedArena {
 public:
  // Room for so many bytes: what the reader may hold (see ReaderOptions), and what the loader is at work on.
  static absl::StatusOr<std::shared_ptr<SharedArena>> Create(std::size_t byte_size);
  ~SharedArena();

  // Uninitialised, aligned for any dtype and for vector loads; never null. Ordinary memory when the arena has no piece
  // so large left: all works as before, but is copied. Throws std::bad_alloc.
  std::shared_ptr<void> Allocate(std::size_t byte_size);

  struct Stats {
    std::size_t byte_size = 0;     // of the arena
    std::size_t used = 0;          // bytes of it
    std::int64_t allocations = 0;  // since the start
    std::int64_t outside = 0;      // of them, those for which there was no room; make the arena larger
  };
  Stats stats() const;

  // What others map it by (shm_open), and where in it bytes lie; nothing when they are not all in it.
  const std::string& key() const;
  std::size_t byte_size() const;
  std::optional<std::size_t> OffsetOf(const void* data, std::size_t byte_size) const;

 private:
  class Blocks;
  explicit SharedArena(std::shared_ptr<Blocks> blocks);

  const std::shared_ptr<Blocks> blocks_;  // held by every piece that is in use
};

}  // namespace edl
