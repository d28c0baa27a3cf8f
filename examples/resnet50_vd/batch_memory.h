// SPDX-License-Identifier: Apache-2.0
// BatchMemory: memory for the images of batches, used again once nobody holds a tensor in it: a large batch's pages
// would else be taken from the kernel, and given back, batch after batch.
// Thread-safety: any thread.
// Lifetime: a piece comes back with the last copy of its pointer, also after this object is gone. What it holds is what
//           was once in use at the same time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace resnet {

// Gives uninitialised memory of so many bytes: BatchMemory, or edl::SharedArena::Allocate, from which a teacher on this
// machine reads the images where they lie.
using Allocate = std::function<std::shared_ptr<void>(std::size_t byte_size)>;

class BatchMemory {
 public:
  explicit BatchMemory(std::size_t piece_bytes);

  // Aligned for vector loads. Throws std::bad_alloc.
  std::shared_ptr<void> Take();

 private:
  class Pieces;
  const std::shared_ptr<Pieces> pieces_;  // held by every piece that is in use
};

}  // namespace resnet
