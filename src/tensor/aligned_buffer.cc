// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/aligned_buffer.h"

#include <new>

namespace edl {

std::shared_ptr<std::byte> AllocateAligned(std::size_t byte_size) {
  constexpr auto kAlignment = std::align_val_t(kTensorAlignment);
  auto* memory = static_cast<std::byte*>(::operator new(byte_size == 0 ? 1 : byte_size, kAlignment));
  return std::shared_ptr<std::byte>(memory, [](std::byte* p) { ::operator delete(p, kAlignment); });
}

}  // namespace edl
