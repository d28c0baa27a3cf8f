// SPDX-License-Identifier: Apache-2.0
// Payload: what the wire's bench sends: batches of one kind, of which it has enough that they do not stay in a cache.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "edl/model.h"
#include "edl/tensor.h"

namespace edl::bench {

struct Payload {
  std::string name;  // "uint8 224", "fp32 224", "uint8 28"
  DType dtype = DType::kUint8;
  Shape row_shape;
  std::int64_t classes = 1000;

  static constexpr std::int64_t kRows = 32;

  // Aborts when there is none of that name.
  static Payload Named(const std::string& name);
  static std::vector<std::string> Names();

  // "noop", from `image` to `score`.
  ModelInfo Model() const;
  std::size_t batch_bytes() const;
  std::size_t reply_bytes() const { return static_cast<std::size_t>(kRows * classes) * sizeof(float); }

  // Batches whose bytes were written once, some 64 MB of them and four at least.
  std::vector<Tensor> MakeBatches() const;
};

}  // namespace edl::bench
