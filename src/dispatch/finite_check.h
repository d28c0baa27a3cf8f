// SPDX-License-Identifier: Apache-2.0
// Finite check: are all numbers of a tensor numbers?
// Dtype: FP16, BF16, FP32, FP64; tensors of any other pass.
// Cost: reads every byte once.
// Source: IEEE 754: an exponent of all ones is infinity or NaN; BF16 is the upper half of FP32.
#pragma once

#include "absl/status/status.h"
#include "src/tensor/wire_tensor.h"

namespace edl {

// DATA_LOSS naming the first element that is infinite or not a number.
absl::Status CheckFinite(const WireTensor& tensor);

}  // namespace edl
