// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/distillation_loss.h"

#include <torch/nn/functional/loss.h>

#include <limits>

namespace edl {
namespace {

namespace F = torch::nn::functional;

void CheckArguments(const torch::Tensor& student_logits, const DistillationLossOptions& options) {
  TORCH_CHECK(options.alpha >= 0 && options.alpha <= 1, "DistillationLoss: alpha is ", options.alpha,
              "; expected 0 to 1");
  TORCH_CHECK(options.temperature > 0, "DistillationLoss: temperature is ", options.temperature,
              "; expected more than 0");
  TORCH_CHECK(student_logits.dim() == 2 && student_logits.is_floating_point(), "DistillationLoss: student_logits are ",
              student_logits.toString(), " ", student_logits.sizes(), "; expected floats [rows, classes]");
}

bool IsFloat(const torch::Tensor& tensor, torch::IntArrayRef sizes) {
  return tensor.defined() && tensor.is_floating_point() && tensor.sizes() == sizes;
}

void CheckTeacher(const torch::Tensor& student_logits, const TopLogits& teacher) {
  const std::int64_t rows = student_logits.size(0);
  const bool fits = teacher.values.defined() && teacher.values.dim() == 2 &&
                    teacher.values.size(1) < student_logits.size(1) &&
                    IsFloat(teacher.values, {rows, teacher.values.size(1)}) && IsFloat(teacher.rest, {rows}) &&
                    teacher.index.defined() && teacher.index.sizes() == teacher.values.sizes() &&
                    (teacher.index.scalar_type() == torch::kInt || teacher.index.scalar_type() == torch::kLong);
  TORCH_CHECK(fits,
              "DistillationLoss: the teacher's top logits do not fit together, or student_logits; expected values "
              "float [",
              rows, ", k], index int32 or int64 [", rows, ", k], rest float [", rows, "]");
}

torch::Tensor LogSoftmax(const torch::Tensor& logits, double temperature) {
  return F::log_softmax(logits / temperature, F::LogSoftmaxFuncOptions(1));
}

// Of log-probabilities, both. What the teacher holds impossible has no part in it (0 log 0 is 0).
torch::Tensor SoftLoss(const torch::Tensor& student, const torch::Tensor& teacher, double temperature) {
  const torch::Tensor terms = teacher.exp() * (teacher - student);
  const torch::Tensor possible = torch::where(teacher.isneginf(), torch::zeros_like(terms), terms);
  return possible.sum() / student.size(0) * (temperature * temperature);
}

template <typename Soft>
torch::Tensor Weighted(const torch::Tensor& student_logits, const torch::Tensor& labels,
                       const DistillationLossOptions& options, Soft soft) {
  TORCH_CHECK(options.alpha == 1 || (labels.defined() && labels.scalar_type() == torch::kLong && labels.dim() == 1 &&
                                     labels.size(0) == student_logits.size(0)),
              "DistillationLoss: labels are not int64 [", student_logits.size(0), "]");
  if (options.alpha == 0) return F::cross_entropy(student_logits, labels);
  const torch::Tensor soft_part = soft() * options.alpha;
  if (options.alpha == 1) return soft_part;
  return soft_part + F::cross_entropy(student_logits, labels) * (1 - options.alpha);
}

}  // namespace

torch::Tensor DistillationLoss(const torch::Tensor& student_logits, const torch::Tensor& labels,
                               const torch::Tensor& teacher_logits, const DistillationLossOptions& options) {
  CheckArguments(student_logits, options);
  TORCH_CHECK(options.alpha == 0 || IsFloat(teacher_logits, student_logits.sizes()),
              "DistillationLoss: teacher_logits do not fit student_logits, which are floats ", student_logits.sizes());
  return Weighted(student_logits, labels, options, [&] {
    const torch::Tensor teacher = teacher_logits.detach().to(student_logits.dtype());
    return SoftLoss(LogSoftmax(student_logits, options.temperature), LogSoftmax(teacher, options.temperature),
                    options.temperature);
  });
}

torch::Tensor DistillationLoss(const torch::Tensor& student_logits, const torch::Tensor& labels,
                               const TopLogits& teacher_logits, const DistillationLossOptions& options) {
  CheckArguments(student_logits, options);
  if (options.alpha > 0) CheckTeacher(student_logits, teacher_logits);
  return Weighted(student_logits, labels, options, [&] {
    const torch::Tensor index = teacher_logits.index.to(torch::kLong);
    const torch::Tensor all = LogSoftmax(student_logits, options.temperature);
    const torch::Tensor others = all.scatter(1, index, -std::numeric_limits<double>::infinity()).logsumexp(1, true);
    const torch::Tensor teacher = torch::cat({teacher_logits.values, teacher_logits.rest.unsqueeze(1)}, 1);
    return SoftLoss(torch::cat({all.gather(1, index), others}, 1),
                    LogSoftmax(teacher.detach().to(student_logits.dtype()), options.temperature), options.temperature);
  });
}

}  // namespace edl
