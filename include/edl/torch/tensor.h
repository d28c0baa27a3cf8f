// SPDX-License-Identifier: Apache-2.0
// edl::Tensor to torch::Tensor and back, without copying.
// Dtype: BOOL, UINT8, INT8, INT16, INT32, INT64, FP16, BF16, FP32, FP64; libtorch has no UINT16, UINT32, UINT64, BYTES.
// Errors: INVALID_ARGUMENT - a dtype or layout that the other side does not have.
// Thread-safety: any thread.
// Lifetime, cost: both tensors share the bytes, and either keeps them alive. Copied are only what the other side could
//                 not address: FromTorch: a tensor on another device, or with strides; ToTorch: one at an odd address.
#pragma once

#include <torch/types.h>

#include "absl/status/statusor.h"
#include "edl/tensor.h"

namespace edl {

// The tensor's values, without its gradient history. Nobody may change `tensor` in place while the result lives.
absl::StatusOr<Tensor> FromTorch(const torch::Tensor& tensor);

// A tensor on the CPU that asks for no gradient. An edl::Tensor's bytes never change, so what libtorch writes in place
// (`relu_()`, `out=`) goes to a clone().
absl::StatusOr<torch::Tensor> ToTorch(const Tensor& tensor);

}  // namespace edl
