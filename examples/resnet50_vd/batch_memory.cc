// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/batch_memory.h"

#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace resnet {
namespace {

constexpr std::align_val_t kAlignment{64};

struct Free {
  void operator()(std::byte* piece) const { ::operator delete(piece, kAlignment); }
};
using Piece = std::unique_ptr<std::byte, Free>;

}  // namespace

class BatchMemory::Pieces {
 public:
  explicit Pieces(std::size_t piece_bytes) : piece_bytes_(piece_bytes) {}

  Piece Take() {
    {
      const std::lock_guard<std::mutex> lock(mu_);
      if (!free_.empty()) {
        Piece piece = std::move(free_.back());
        free_.pop_back();
        return piece;
      }
      // So that Return finds room: it runs where nothing may be thrown.
      free_.reserve(++made_);
    }
    return Piece(static_cast<std::byte*>(::operator new(piece_bytes_, kAlignment)));
  }

  void Return(Piece piece) {
    const std::lock_guard<std::mutex> lock(mu_);
    free_.push_back(std::move(piece));
  }

 private:
  const std::size_t piece_bytes_;
  std::mutex mu_;
  std::vector<Piece> free_;  // guarded by mu_, and so is the next one
  std::size_t made_ = 0;
};

BatchMemory::BatchMemory(std::size_t piece_bytes) : pieces_(std::make_shared<Pieces>(piece_bytes)) {}

std::shared_ptr<void> BatchMemory::Take() {
  // The deleter is also called when the control block cannot be had.
  return std::shared_ptr<void>(pieces_->Take().release(), [pieces = pieces_](void* piece) {
    pieces->Return(Piece(static_cast<std::byte*>(piece)));
  });
}

}  // namespace resnet
