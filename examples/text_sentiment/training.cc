// SPDX-License-Identifier: Apache-2.0
#include "examples/text_sentiment/training.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "edl/torch/distillation_loss.h"
#include "edl/torch/tensor.h"
#include "examples/text_sentiment/teacher.h"

namespace text_sentiment {
namespace {

using Clock = std::chrono::steady_clock;
namespace functional = torch::nn::functional;

constexpr std::int64_t kStudentWidth = 16;

class Optimizer {
 public:
  Optimizer(std::vector<torch::Tensor> parameters, double peak_rate, std::int64_t steps)
      : peak_rate_(peak_rate), steps_(steps), adam_(std::move(parameters), torch::optim::AdamOptions(peak_rate)) {}

  void Minimise(const torch::Tensor& loss) {
    const double rate = peak_rate_ * (1.0 - static_cast<double>(step_++) / static_cast<double>(steps_));
    for (auto& group : adam_.param_groups()) static_cast<torch::optim::AdamOptions&>(group.options()).lr(rate);
    adam_.zero_grad();
    loss.backward();
    adam_.step();
  }

 private:
  const double peak_rate_;
  const std::int64_t steps_;
  std::int64_t step_ = 0;
  torch::optim::Adam adam_;
};

torch::Tensor TeacherLogits(torch::jit::Module& teacher, const edl::Fields& batch) {
  return teacher.forward({AsTorch(batch[kTokens]), AsTorch(batch[kLengths])}).toTensor();
}

// Hard labels of those rows that have one, soft labels of all rows.
torch::Tensor Loss(const StudentRecipe& recipe, const torch::Tensor& logits, const StudentBatch& batch) {
  const auto options = functional::CrossEntropyFuncOptions().ignore_index(kUnlabelled).reduction(torch::kSum);
  const torch::Tensor labelled = batch.labels.ne(kUnlabelled).sum().clamp_min(1);
  const torch::Tensor hard = functional::cross_entropy(logits, batch.labels, options) / labelled;
  if (!batch.teacher_logits.defined()) return hard;
  edl::DistillationLossOptions soft_alone;
  soft_alone.alpha = 1.0;
  soft_alone.temperature = recipe.temperature;
  const torch::Tensor soft = edl::DistillationLoss(logits, {}, batch.teacher_logits, soft_alone);
  return (1.0 - recipe.alpha) * hard + recipe.alpha * soft;
}

double Accuracy(const std::vector<Snippet>& test, const std::function<torch::Tensor(const edl::Fields&)>& network) {
  constexpr std::int64_t kRows = 500;
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(test.size());
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < count; first += kRows) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(kRows, count - first)));
    std::iota(indices.begin(), indices.end(), first);
    const edl::Fields batch = MakeBatch(test, indices);
    right += network(batch).argmax(1).eq(AsTorch(batch[kLabel])).sum().item<std::int64_t>();
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(count);
}

}  // namespace

torch::Tensor AsTorch(const edl::Tensor& tensor) {
  return edl::ToTorch(tensor).value();
}

StudentImpl::StudentImpl(std::int64_t classes)
    : bag(register_module(
          "bag", torch::nn::EmbeddingBag(
                     torch::nn::EmbeddingBagOptions(kNgramBuckets, kStudentWidth).mode(torch::kMean).padding_idx(0)))),
      head(register_module("head", torch::nn::Linear(kStudentWidth, classes))) {}

torch::Tensor StudentImpl::forward(const torch::Tensor& ngrams) {
  return head(bag(ngrams));
}

EpochStreams PlainStreams(edl::EpochFunction<edl::Fields> loader) {
  return [loader = std::move(loader)](std::int64_t epoch) -> BatchStream {
    return [next = loader(epoch)]() -> std::optional<StudentBatch> {
      const std::optional<edl::Fields> batch = next().value();
      if (!batch) return std::nullopt;
      return StudentBatch{AsTorch((*batch)[kNgrams]), AsTorch((*batch)[kLabel]), {}};
    };
  };
}

StudentResult TrainStudent(const StudentRecipe& recipe, std::uint64_t seed, std::int64_t classes, std::int64_t steps,
                           const EpochStreams& streams, const std::vector<Snippet>& test,
                           edl_examples::Progress& progress) {
  torch::set_num_threads(1);
  torch::manual_seed(seed);
  Student student(classes);
  Optimizer optimizer(student->parameters(), recipe.schedule.peak_rate, steps);
  std::int64_t snippets = 0;
  const auto begin = Clock::now();
  for (std::int64_t epoch = 0; epoch < recipe.schedule.epochs; ++epoch) {
    const BatchStream next = streams(epoch);
    while (std::optional<StudentBatch> batch = next()) {
      optimizer.Minimise(Loss(recipe, student(batch->ngrams), *batch));
      snippets += batch->ngrams.size(0);
    }
    progress.Advance();
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return {Accuracy(test, [&](const edl::Fields& batch) { return student(AsTorch(batch[kNgrams])); }),
          static_cast<double>(snippets) / seconds};
}

torch::jit::Module TrainTeacher(const TeacherRecipe& recipe, std::int64_t classes, const Snippets& snippets) {
  torch::manual_seed(recipe.seed);
  torch::jit::Module teacher = NewTeacher(classes);
  std::vector<torch::Tensor> parameters;
  for (const torch::Tensor& parameter : teacher.parameters()) parameters.push_back(parameter);
  const Schedule& schedule = recipe.schedule;
  const std::int64_t steps = schedule.epochs * BatchCount(*snippets, schedule.batch_rows);
  Optimizer optimizer(parameters, schedule.peak_rate, steps);
  edl_examples::Progress progress("the teacher", steps, "batch");
  const auto epochs = MakeBatches(snippets, schedule.batch_rows, recipe.seed);
  for (std::int64_t epoch = 0; epoch < schedule.epochs; ++epoch) {
    const edl::Generator<edl::Fields> next = epochs(epoch);
    while (std::optional<edl::Fields> batch = next().value()) {
      optimizer.Minimise(functional::cross_entropy(TeacherLogits(teacher, *batch), AsTorch((*batch)[kLabel])));
      progress.Advance();
    }
  }
  teacher.eval();
  return teacher;
}

double TeacherAccuracy(torch::jit::Module& teacher, const std::vector<Snippet>& test) {
  return Accuracy(test, [&](const edl::Fields& batch) { return TeacherLogits(teacher, batch); });
}

}  // namespace text_sentiment
