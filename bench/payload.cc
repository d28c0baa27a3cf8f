// SPDX-License-Identifier: Apache-2.0
#include "bench/payload.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace edl::bench {
namespace {

const std::vector<Payload>& All() {
  static const auto& all = *new std::vector<Payload>{{"uint8 224", DType::kUint8, {3, 224, 224}, 1000},
                                                     {"fp32 224", DType::kFp32, {3, 224, 224}, 1000},
                                                     {"uint8 28", DType::kUint8, {1, 28, 28}, 10}};
  return all;
}

Shape WithRows(std::int64_t rows, Shape row_shape) {
  row_shape.insert(row_shape.begin(), rows);
  return row_shape;
}

}  // namespace

Payload Payload::Named(const std::string& name) {
  for (const Payload& payload : All()) {
    if (payload.name == name) return payload;
  }
  std::fprintf(stderr, "there is no payload '%s'\n", name.c_str());
  std::abort();
}

std::vector<std::string> Payload::Names() {
  std::vector<std::string> names;
  for (const Payload& payload : All()) names.push_back(payload.name);
  return names;
}

ModelInfo Payload::Model() const {
  return {"noop", "1", "bench", {{"image", dtype, WithRows(-1, row_shape)}}, {{"score", DType::kFp32, {-1, classes}}}};
}

std::size_t Payload::batch_bytes() const {
  std::size_t bytes = static_cast<std::size_t>(kRows) * DTypeSize(dtype);
  for (std::int64_t d : row_shape) bytes *= static_cast<std::size_t>(d);
  return bytes;
}

std::vector<Tensor> Payload::MakeBatches() const {
  constexpr std::size_t kTotal = std::size_t{64} << 20;
  std::vector<Tensor> batches;
  const std::size_t count = std::clamp<std::size_t>(kTotal / batch_bytes(), 4, 64);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::byte> bytes(batch_bytes(), static_cast<std::byte>(i));
    batches.push_back(Tensor::Copy(dtype, WithRows(kRows, row_shape), bytes.data(), bytes.size()).value());
  }
  return batches;
}

}  // namespace edl::bench
