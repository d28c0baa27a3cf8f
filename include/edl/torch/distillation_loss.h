// SPDX-License-Identifier: Apache-2.0
// DistillationLoss: (1-α)·CE(hard label) + α·T²·KL(teacher ‖ student), both softened by the temperature T.
// Shapes: logits [rows, classes]; labels [rows].
// Dtype: student logits of any floating type; teacher logits likewise, taken in the student's type; labels int64.
// Errors: throws c10::Error, as libtorch's own losses do - shapes or dtypes that do not fit, options out of range.
// Source: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015: T² keeps the soft part's
//         gradient of one size whatever T is.
#pragma once

#include <torch/types.h>

namespace edl {

struct DistillationLossOptions {
  double alpha = 0.9;        // weight of the soft labels, 0 to 1; the hard labels have the rest
  double temperature = 4.0;  // above 0; larger shows the student more of what the teacher holds unlikely
};

// The mean over rows, a scalar. Gradients go to the student alone. A part of weight 0 is not computed: with an alpha of
// 1 the labels may be undefined.
torch::Tensor DistillationLoss(const torch::Tensor& student_logits, const torch::Tensor& labels,
                               const torch::Tensor& teacher_logits, const DistillationLossOptions& options = {});

// Of the teacher's logits the highest, as PredictionCompression::top_k gives them.
struct TopLogits {
  torch::Tensor values;  // [rows, k]
  torch::Tensor index;   // [rows, k] int32 or int64: their classes, which are the student's (fewer than those: k)
  torch::Tensor rest;    // [rows]: the mass of all other classes, taken at the loss's temperature
};

// As above, the k classes one by one and all others taken together as one: never more than the loss of all logits, and
// the same where the student spreads the others' mass as the teacher does.
torch::Tensor DistillationLoss(const torch::Tensor& student_logits, const torch::Tensor& labels,
                               const TopLogits& teacher_logits, const DistillationLossOptions& options = {});

}  // namespace edl
