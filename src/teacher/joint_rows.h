// SPDX-License-Identifier: Apache-2.0
// Joint rows: the rows of one request, or of several, in one piece for the model; and its outputs cut up again.
// Cost: an input that arrived in one aligned piece and is alone is shared; else it is copied, once.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "src/teacher/request_check.h"

namespace edl {

// Do they have rows of the same shapes?
bool FitTogether(const CheckedRequest& a, const CheckedRequest& b);

// The model's inputs, the requests' rows after each other. INVALID_ARGUMENT - the elements of a BYTES tensor do not add
// up. `requests` is not empty, and all fit together.
absl::StatusOr<std::vector<Tensor>> JoinRows(const std::vector<const CheckedRequest*>& requests);

// Rows [first, first + rows) of each output.
absl::StatusOr<std::vector<Tensor>> CutRows(const std::vector<Tensor>& outputs, std::int64_t first, std::int64_t rows);

}  // namespace edl
