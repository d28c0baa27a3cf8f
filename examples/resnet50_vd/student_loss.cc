// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/student_loss.h"

#include <torch/nn.h>

#include "edl/torch/distillation_loss.h"

namespace resnet {
namespace {

torch::Tensor RowLosses(const torch::Tensor& logits, const torch::Tensor& labels, double smoothing) {
  namespace F = torch::nn::functional;
  return F::cross_entropy(logits, labels,
                          F::CrossEntropyFuncOptions().reduction(torch::kNone).label_smoothing(smoothing));
}

torch::Tensor HardLoss(const torch::Tensor& logits, const Batch& batch, double smoothing) {
  const torch::Tensor losses = RowLosses(logits, batch.labels, smoothing);
  if (!batch.mix.defined()) return losses.mean();
  return torch::lerp(RowLosses(logits, batch.other_labels, smoothing), losses, batch.mix).mean();
}

}  // namespace

torch::Tensor StudentLoss(const torch::Tensor& logits, const Batch& batch, const StudentLossOptions& options) {
  const double alpha = batch.teacher_logits.defined() ? options.alpha : 0;
  torch::Tensor loss;
  if (alpha < 1) loss = (1 - alpha) * HardLoss(logits, batch, options.label_smoothing);
  if (alpha > 0) {
    const torch::Tensor soft =
        alpha * edl::DistillationLoss(logits, {}, batch.teacher_logits, {1.0, options.temperature});
    loss = loss.defined() ? loss + soft : soft;
  }
  return loss;
}

}  // namespace resnet
