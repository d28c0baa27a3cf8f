// SPDX-License-Identifier: Apache-2.0
// Spec size: what names and shapes may be that a peer gives its tensors: they stand in logs and errors.
#pragma once

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace edl {

inline constexpr int kLongestName = 1024;  // of a tensor, a model, a version; bytes
inline constexpr int kMostDimensions = 64;

// Not longer than that, and without control characters, which would steer a terminal.
inline bool IsFitName(const std::string& name) {
  return name.size() <= kLongestName &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 127; });
}

// INVALID_ARGUMENT when a tensor's description in one of the protocol's messages is beyond that.
template <typename Proto>
absl::Status CheckSpecSize(const Proto& proto) {
  if (!IsFitName(proto.name()) || !IsFitName(proto.datatype())) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor's name or datatype is longer than ", kLongestName, " bytes, or has control characters"));
  }
  if (proto.shape_size() <= kMostDimensions) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tensor '", proto.name(), "' has ", proto.shape_size(), " dimensions; at most ", kMostDimensions));
}

}  // namespace edl
