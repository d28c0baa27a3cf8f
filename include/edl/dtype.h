// SPDX-License-Identifier: Apache-2.0
// DType: the element types that a tensor can have on the wire and in memory.
// Source: Open Inference Protocol (KServe v2), "Tensor Data Types".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace edl {

enum class DType : std::uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes,  // variable length: each element is a 4-byte little-endian length, then that many bytes
};
inline constexpr std::size_t kDTypeCount = 14;

// "FP32", "UINT8", …: the protocol's spelling.
const char* DTypeName(DType dtype);

// The dtype that the protocol spells so, or nullopt.
std::optional<DType> ParseDType(const std::string& name);

// Bytes of one element; 0 for kBytes, whose elements have no fixed size.
std::size_t DTypeSize(DType dtype);

}  // namespace edl
