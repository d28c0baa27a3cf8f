// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/distillation_loss.h"

#include <torch/nn/functional/loss.h>

namespace edl {
namespace {

namespace F = torch::nn::functional;

void CheckArguments(const torch::Tensor& student_logits, const torch::Tensor& labels,
                    const torch::Tensor& teacher_logits, const DistillationLossOptions& options) {
  TORCH_CHECK(options.alpha >= 0 && options.alpha <= 1, "DistillationLoss: alpha is ", options.alpha,
              "; expected 0 to 1");
  TORCH_CHECK(options.temperature > 0, "DistillationLoss: temperature is ", options.temperature,
              "; expected more than 0");
  TORCH_CHECK(student_logits.dim() == 2 && student_logits.is_floating_point(), "DistillationLoss: student_logits are ",
              student_logits.toString(), " ", student_logits.sizes(), "; expected floats [rows, classes]");
  TORCH_CHECK(options.alpha == 0 || (teacher_logits.defined() && teacher_logits.is_floating_point() &&
                                     teacher_logits.sizes() == student_logits.sizes()),
              "DistillationLoss: teacher_logits do not fit student_logits, which are floats ", student_logits.sizes());
  TORCH_CHECK(options.alpha == 1 || (labels.defined() && labels.scalar_type() == torch::kLong && labels.dim() == 1 &&
                                     labels.size(0) == student_logits.size(0)),
              "DistillationLoss: labels are not int64 [", student_logits.size(0), "]");
}

torch::Tensor SoftLoss(const torch::Tensor& student_logits, const torch::Tensor& teacher_logits, double temperature) {
  const torch::Tensor student = F::log_softmax(student_logits / temperature, F::LogSoftmaxFuncOptions(1));
  const torch::Tensor teacher =
      F::log_softmax(teacher_logits.detach().to(student_logits.dtype()) / temperature, F::LogSoftmaxFuncOptions(1));
  const auto mean_over_rows = F::KLDivFuncOptions().reduction(torch::kBatchMean).log_target(true);
  return F::kl_div(student, teacher, mean_over_rows) * (temperature * temperature);
}

}  // namespace

torch::Tensor DistillationLoss(const torch::Tensor& student_logits, const torch::Tensor& labels,
                               const torch::Tensor& teacher_logits, const DistillationLossOptions& options) {
  CheckArguments(student_logits, labels, teacher_logits, options);
  if (options.alpha == 0) return F::cross_entropy(student_logits, labels);
  const torch::Tensor soft = SoftLoss(student_logits, teacher_logits, options.temperature) * options.alpha;
  if (options.alpha == 1) return soft;
  return soft + F::cross_entropy(student_logits, labels) * (1 - options.alpha);
}

}  // namespace edl
