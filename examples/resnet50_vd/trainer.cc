// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/trainer.h"

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace resnet {
namespace {

// Mixed precision as long as it lives. bfloat16 has float32's range, so that gradients need no scaling.
class Autocast {
 public:
  explicit Autocast(bool enabled) : enabled_(enabled) {
    if (enabled_) Set(true);
  }
  ~Autocast() {
    if (!enabled_) return;
    at::autocast::clear_cache();
    Set(false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  static void Set(bool enabled) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_enabled(at::kCUDA, enabled);
    at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
#else
    at::autocast::set_enabled(enabled);
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
#endif
  }

  const bool enabled_;
};

std::vector<torch::Tensor> Learned(const ResNet& network, bool decays) {
  std::vector<torch::Tensor> parameters;
  for (const torch::Tensor& parameter : network->parameters()) {
    if ((parameter.dim() > 1) == decays) parameters.push_back(parameter);  // norms' and biases' are vectors
  }
  return parameters;
}

torch::optim::SGD MakeOptimizer(const ResNet& network, const TrainerOptions& options) {
  torch::optim::SGDOptions sgd(options.schedule.peak_rate);
  sgd.momentum(options.momentum);
  auto group = [&](bool decays) {
    auto of_group = std::make_unique<torch::optim::SGDOptions>(sgd);
    of_group->weight_decay(decays ? options.weight_decay : 0);
    return torch::optim::OptimizerParamGroup(Learned(network, decays), std::move(of_group));
  };
  return torch::optim::SGD({group(true), group(false)}, sgd);
}

void SetMode(ResNet& network, bool training, Norms norms) {
  network->train(training);
  if (!training || norms == Norms::kLearn) return;
  for (const auto& module : network->modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) norm->eval();
  }
}

}  // namespace

Trainer::Trainer(ResNet network, const TrainerOptions& options, torch::Device device, std::int64_t batches_per_epoch,
                 Ranks& ranks)
    : network_(std::move(network)),
      options_(options),
      normalise_(options.layout, device),
      device_(device),
      batches_per_epoch_(batches_per_epoch),
      ranks_(ranks),
      optimizer_(MakeOptimizer(network_, options)) {
  ranks_.Share(network_->parameters());
  ranks_.Share(network_->buffers());
  ranks_.AverageGradientsOf(network_->parameters());
}

torch::Tensor Trainer::Forward(const torch::Tensor& images) {
  const Autocast autocast(options_.mixed_precision && device_.is_cuda());
  return network_(normalise_(images)).to(torch::kFloat32);
}

torch::Tensor Trainer::Step(Position position, const Batch& batch) {
  // Its middle: neither the first step's rate nor the last one's is 0.
  const double done = (static_cast<double>(position.batch) + 0.5) / static_cast<double>(batches_per_epoch_);
  rate_ = LearningRate(options_.schedule, static_cast<double>(position.epoch) + done);
  for (auto& group : optimizer_.param_groups()) static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate_);
  SetMode(network_, true, options_.norms);
  optimizer_.zero_grad();
  const torch::Tensor loss = StudentLoss(Forward(batch.images), batch, options_.loss);
  ranks_.BeginBackward();
  loss.backward();
  ranks_.EndBackward();
  optimizer_.step();
  return loss.detach();
}

Score Trainer::Classify(const Batch& batch) {
  const torch::NoGradGuard no_grad;
  SetMode(network_, false, options_.norms);
  const torch::Tensor logits = Forward(batch.images);
  const std::int64_t guesses = std::min<std::int64_t>(5, logits.size(1));
  const torch::Tensor right = std::get<1>(logits.topk(guesses, 1)).eq(batch.labels.unsqueeze(1));
  return {logits.size(0), right.select(1, 0).sum().item<std::int64_t>(), right.sum().item<std::int64_t>()};
}

}  // namespace resnet
