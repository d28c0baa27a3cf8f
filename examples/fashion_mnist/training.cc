// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/training.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "edl/torch/distillation_loss.h"
#include "edl/torch/tensor.h"
#include "examples/fashion_mnist/loader.h"

namespace fashion_mnist {
namespace {

using Clock = std::chrono::steady_clock;

// A part of the peak learning rate, from 0 to 1.
double RateFactor(std::int64_t step, std::int64_t steps, double warmup_fraction) {
  constexpr double kPi = 3.14159265358979323846;
  const double done = static_cast<double>(step + 1) / static_cast<double>(steps);
  if (done < warmup_fraction) return done / warmup_fraction;
  return 0.5 * (1.0 + std::cos(kPi * (done - warmup_fraction) / (1.0 - warmup_fraction)));
}

// Steps a network along its schedule.
class Optimizer {
 public:
  Optimizer(const std::vector<torch::Tensor>& parameters, const Schedule& schedule, std::int64_t steps)
      : schedule_(schedule),
        steps_(steps),
        sgd_(parameters, torch::optim::SGDOptions(schedule.peak_rate)
                             .momentum(schedule.momentum)
                             .nesterov(true)
                             .weight_decay(schedule.weight_decay)) {}

  void Minimise(const torch::Tensor& loss) {
    const double rate = schedule_.peak_rate * RateFactor(step_++, steps_, schedule_.warmup_fraction);
    for (auto& group : sgd_.param_groups()) static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
    sgd_.zero_grad();
    loss.backward();
    sgd_.step();
  }

 private:
  const Schedule schedule_;
  const std::int64_t steps_;
  std::int64_t step_ = 0;
  torch::optim::SGD sgd_;
};

// Copies of all that a network has learned: it is tested later, so that tests take no time from the training.
std::vector<torch::Tensor> Snapshot(const torch::nn::Module& network) {
  std::vector<torch::Tensor> copies;
  for (const torch::Tensor& tensor : network.parameters()) copies.push_back(tensor.detach().clone());
  for (const torch::Tensor& tensor : network.buffers()) copies.push_back(tensor.clone());
  return copies;
}

void Restore(torch::nn::Module& network, const std::vector<torch::Tensor>& snapshot) {
  const torch::NoGradGuard no_grad;
  std::size_t i = 0;
  for (torch::Tensor& tensor : network.parameters()) tensor.copy_(snapshot[i++]);
  for (torch::Tensor& tensor : network.buffers()) tensor.copy_(snapshot[i++]);
}

}  // namespace

StudentResult TrainStudent(const StudentRecipe& recipe, std::uint64_t seed, const EpochStreams& streams,
                           const Dataset& test, edl_examples::Progress& progress) {
  torch::manual_seed(seed);
  Student student;
  const Schedule& schedule = recipe.schedule;
  Optimizer optimizer(student->parameters(), schedule, schedule.epochs * (recipe.subset / schedule.batch_rows));
  std::vector<std::vector<torch::Tensor>> snapshots;
  std::int64_t images = 0;
  edl::DistillationLossOptions loss_options;
  loss_options.alpha = recipe.alpha;
  loss_options.temperature = recipe.temperature;
  const auto begin = Clock::now();
  for (std::int64_t epoch = 0; epoch < schedule.epochs; ++epoch) {
    BatchStream next = streams(epoch);
    while (std::optional<Batch> batch = next()) {
      const torch::Tensor logits = student(batch->images);
      optimizer.Minimise(batch->teacher_logits.defined()
                             ? edl::DistillationLoss(logits, batch->labels, batch->teacher_logits, loss_options)
                             : torch::nn::functional::cross_entropy(logits, batch->labels));
      images += logits.size(0);
    }
    snapshots.push_back(Snapshot(*student));
    progress.Advance();
  }
  StudentResult result;
  result.images_per_second = static_cast<double>(images) / std::chrono::duration<double>(Clock::now() - begin).count();
  student->eval();
  for (const auto& snapshot : snapshots) {
    Restore(*student, snapshot);
    result.accuracy.push_back(Accuracy(test, [&](const torch::Tensor& views) { return student(views); }));
  }
  return result;
}

Teacher TrainTeacher(const TeacherRecipe& recipe, const Dataset& training, edl_examples::Progress& progress) {
  torch::manual_seed(recipe.seed);
  Teacher teacher;
  const Schedule& schedule = recipe.schedule;
  Optimizer optimizer(teacher->parameters(), schedule, schedule.epochs * BatchesPerEpoch(training, schedule));
  const auto epochs = MakeLoader(training, schedule, recipe.augmentation, recipe.seed);
  for (std::int64_t epoch = 0; epoch < schedule.epochs; ++epoch) {
    edl::Generator<edl::Fields> next = epochs(epoch);
    while (std::optional<edl::Fields> batch = next().value()) {
      const torch::Tensor logits = teacher(edl::ToTorch((*batch)[0]).value());
      optimizer.Minimise(torch::nn::functional::cross_entropy(logits, edl::ToTorch((*batch)[1]).value()));
      progress.Advance();
    }
  }
  teacher->eval();
  return teacher;
}

double Accuracy(const Dataset& dataset, const std::function<torch::Tensor(const torch::Tensor& images)>& network) {
  constexpr std::int64_t kRows = 500;
  const torch::NoGradGuard no_grad;
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < dataset.size(); first += kRows) {
    const std::int64_t end = std::min(first + kRows, dataset.size());
    const torch::Tensor guesses = network(dataset.images.slice(0, first, end)).argmax(1);
    right += guesses.eq(dataset.labels.slice(0, first, end)).sum().item<std::int64_t>();
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(dataset.size());
}

}  // namespace fashion_mnist
