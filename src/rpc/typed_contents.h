// SPDX-License-Identifier: Apache-2.0
// Typed contents: a tensor's elements as protobuf lists, which some servers send in place of raw bytes.
// Source: Open Inference Protocol, InferTensorContents: small integers share the 32-bit lists; FP16, BF16 raw only.
#pragma once

#include "absl/status/statusor.h"
#include "proto/inference.pb.h"
#include "src/tensor/wire_tensor.h"

namespace edl {

// The elements in the layout of raw contents. INVALID_ARGUMENT when a list that does not belong to the dtype is filled.
absl::StatusOr<Fragment> EncodeTypedContents(const inference::InferTensorContents& contents, DType dtype);

}  // namespace edl
