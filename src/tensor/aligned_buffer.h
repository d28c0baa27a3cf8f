// SPDX-License-Identifier: Apache-2.0
// AllocateAligned: memory for tensor elements, aligned for any dtype and for vector loads.
#pragma once

#include <cstddef>
#include <memory>

namespace edl {

inline constexpr std::size_t kTensorAlignment = 64;

// Uninitialised; never null, for 0 bytes too. Throws std::bad_alloc.
std::shared_ptr<std::byte> AllocateAligned(std::size_t byte_size);

}  // namespace edl
