// SPDX-License-Identifier: Apache-2.0
// StudentLoss: what a step minimises: hard labels, mixed and smoothed, soft labels, or both.
// Shapes, dtype: logits float [rows, classes]; the batch's as batch.h says; the loss is a scalar, the mean over rows.
// Errors: c10::Error - shapes that do not fit.
// Source: Szegedy et al., "Rethinking the Inception Architecture", 2015 (label smoothing); Zhang et al., "mixup", 2017;
//         edl/torch/distillation_loss.h.
#pragma once

#include "examples/resnet50_vd/batch.h"

namespace resnet {

struct StudentLossOptions {
  double label_smoothing = 0;  // of the hard labels, 0 to 1

  // Weight of the soft labels, 0 to 1. With 1 and a temperature of 1 the gradient is that of the cross entropy with the
  // teacher's probabilities, which the original trains on.
  double alpha = 1;
  double temperature = 1;
};

// Without teacher_logits in the batch: of the hard labels alone.
torch::Tensor StudentLoss(const torch::Tensor& logits, const Batch& batch, const StudentLossOptions& options);

}  // namespace resnet
