// SPDX-License-Identifier: Apache-2.0
// Field count: how many fields a message has, before anything is made of them: of two bytes on the wire, protobuf makes
// an object of a hundred.
// Source: Protocol Buffers encoding.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace edl {

// A ModelInfer message of either kind may have so many fields in all, tensors, their parameters and their elements of
// BYTES included; numbers are packed, a million of them are one field.
inline constexpr int kMostFields = 1 << 16;

// INVALID_ARGUMENT when `message`, a ModelInferRequest or ModelInferResponse without its raw contents, has more.
absl::Status CheckFieldCount(absl::string_view message);

}  // namespace edl
