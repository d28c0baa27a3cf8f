// SPDX-License-Identifier: Apache-2.0
// Torch dtypes: the protocol's data types in libtorch's words, as far as libtorch 1.13 has them.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

#include "edl/dtype.h"

namespace edl {

inline std::optional<c10::ScalarType> ToTorchDType(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return c10::kBool;
    case DType::kUint8:
      return c10::kByte;
    case DType::kInt8:
      return c10::kChar;
    case DType::kInt16:
      return c10::kShort;
    case DType::kInt32:
      return c10::kInt;
    case DType::kInt64:
      return c10::kLong;
    case DType::kFp16:
      return c10::kHalf;
    case DType::kBf16:
      return c10::kBFloat16;
    case DType::kFp32:
      return c10::kFloat;
    case DType::kFp64:
      return c10::kDouble;
    default:
      return std::nullopt;
  }
}

inline std::optional<DType> FromTorchDType(c10::ScalarType type) {
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (ToTorchDType(dtype) == type) return dtype;
  }
  return std::nullopt;
}

}  // namespace edl
