// SPDX-License-Identifier: Apache-2.0
// Compressed tensors: FP32 tensors as they travel in fewer bytes, and what is made of them on the other side.
// Dtype, units: as compression.h has it.
// Errors: INVALID_ARGUMENT - the tensor is not FP32, or holds an element that the smaller type has no value for; the
//         message says which.
// Cost: one pass, into new memory.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/compression.h"
#include "src/tensor/buffer_pool.h"
#include "src/tensor/wire_tensor.h"

namespace edl {

// A field, FP32 in one fragment or several of whole elements, into a buffer of the pool. The result's `compressed` says
// how.
absl::StatusOr<WireTensor> CompressField(const WireTensor& field, const FieldCompression& how, BufferPool& buffers);

// FP32 again, of what has a `compressed`.
absl::StatusOr<WireTensor> ExpandField(const WireTensor& field);

// A prediction, as one tensor, or as three when only its top k are wanted.
absl::StatusOr<std::vector<WireTensor>> CompressPrediction(const std::string& name, const Tensor& prediction,
                                                           const PredictionCompression& how);

// FP32 again, of what is FP16.
absl::StatusOr<WireTensor> ExpandPrediction(const WireTensor& prediction);

}  // namespace edl
