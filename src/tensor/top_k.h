// SPDX-License-Identifier: Apache-2.0
// Top k: the highest scores of each row, their classes, and the mass of all others (compression.h says what that is).
// Shapes: scores FP32 [.., classes]; values FP32 [.., k], index INT32 [.., k], rest FP32 [..].
// Errors: INVALID_ARGUMENT - no FP32, no dimension of classes, or not more classes than k.
// Cost: two passes over the scores; of logits, three, and an exponential for each. What is not a number counts as the
//       lowest score, and makes the rest's mass so.
#pragma once

#include "absl/status/statusor.h"
#include "edl/compression.h"
#include "edl/tensor.h"

namespace edl {

struct TopScores {
  Tensor values;
  Tensor index;
  Tensor rest;
};

absl::StatusOr<TopScores> TopK(const Tensor& scores, const PredictionCompression& how);

}  // namespace edl
