// SPDX-License-Identifier: Apache-2.0
// WireTensor: a tensor whose bytes lie where they were written or where they landed, in one piece or in several.
// Place: the splitter makes them from the user's tensors, the codec sends them; the codec makes them from what came,
//        the joiner copies them once into the student's tensor.
// Thread-safety: a value; copies share the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edl/compression.h"
#include "edl/tensor.h"

namespace edl {

// Borrowed bytes; `owner` keeps them alive.
struct Fragment {
  const void* data = nullptr;
  std::size_t size = 0;
  std::shared_ptr<const void> owner;
};

// Bytes that do not travel: where they lie in memory that both sides have mapped, by the name of its registration.
struct SharedMemoryRef {
  std::string region;
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};

struct WireTensor {
  TensorSpec spec;
  std::vector<Fragment> fragments;
  std::optional<SharedMemoryRef> shared = std::nullopt;  // in place of fragments
  // Its elements are FP32, made smaller for the way so (compressed_tensor.h).
  std::optional<FieldCompression> compressed = std::nullopt;

  std::size_t byte_size() const;

  // Writes the fragments one behind the other; gives the end of what it wrote.
  std::byte* CopyTo(std::byte* to) const;
};

// The whole of `tensor` under `name`.
WireTensor ToWireTensor(const std::string& name, const Tensor& tensor);

// Parts, in order, joined along dimension 0 into one tensor: borrowed when there is a single aligned fragment, else
// copied once. INVALID_ARGUMENT when dtypes or row shapes differ, or the bytes do not fit the shape. `parts` is not
// empty.
absl::StatusOr<Tensor> Join(const std::vector<const WireTensor*>& parts);

}  // namespace edl
