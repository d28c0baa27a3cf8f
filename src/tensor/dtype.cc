// SPDX-License-Identifier: Apache-2.0
#include "edl/dtype.h"

#include <array>

namespace edl {
namespace {

struct Row {
  const char* name;
  std::size_t size;
};

// Indexed by DType.
constexpr std::array<Row, kDTypeCount> kRows = {{{"BOOL", 1},
                                                 {"UINT8", 1},
                                                 {"UINT16", 2},
                                                 {"UINT32", 4},
                                                 {"UINT64", 8},
                                                 {"INT8", 1},
                                                 {"INT16", 2},
                                                 {"INT32", 4},
                                                 {"INT64", 8},
                                                 {"FP16", 2},
                                                 {"BF16", 2},
                                                 {"FP32", 4},
                                                 {"FP64", 8},
                                                 {"BYTES", 0}}};

}  // namespace

const char* DTypeName(DType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].name;
}

std::optional<DType> ParseDType(const std::string& name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (name == kRows[i].name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::size_t DTypeSize(DType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].size;
}

}  // namespace edl
