// SPDX-License-Identifier: Apache-2.0
// Reply check: is a teacher's reply the answer to the request, from the model that the reader is bound to?
// Errors: DATA_LOSS - rows, dtype or shape are not what was asked for, or a soft label holds NaN or infinity;
//         FAILED_PRECONDITION - another model answered.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "src/dispatch/model_binding.h"
#include "src/rpc/infer_message.h"

namespace edl {

// One tensor [rows, …] for each prediction of the binding, in its order.
absl::StatusOr<std::vector<WireTensor>> CheckReply(const ModelBinding& binding, std::int64_t rows, bool check_finite,
                                                   InferReply reply);

}  // namespace edl
