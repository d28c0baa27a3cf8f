// SPDX-License-Identifier: Apache-2.0
// Trainer: the student's network and its optimizer, one step at a time.
// Place: takes batches from a mode's stream, in whatever grouping; knows nothing of where they come from.
// Rules: what a step does depends on network, optimizer, position and batch alone; on a CPU it gives the same bits
//        whenever it is done again with as many threads. Norms and biases do not decay.
// Errors: c10::Error - batches that do not fit the network; std::runtime_error - another rank is gone.
// Thread-safety: one thread.
#pragma once

#include <torch/optim/sgd.h>

#include <cstdint>

#include "examples/resnet50_vd/batch.h"
#include "examples/resnet50_vd/image_loader.h"
#include "examples/resnet50_vd/normalise.h"
#include "examples/resnet50_vd/ranks.h"
#include "examples/resnet50_vd/resnet.h"
#include "examples/resnet50_vd/schedule.h"
#include "examples/resnet50_vd/student_loss.h"

namespace resnet {

enum class Norms {
  kLearn,   // normalise by each rank's own batch, as usual
  kFrozen,  // normalise by what they have learned before; for fine-tuning with small batches
};

struct TrainerOptions {
  Schedule schedule;
  StudentLossOptions loss;
  double momentum = 0.9;
  double weight_decay = 1e-4;
  Norms norms = Norms::kLearn;
  bool mixed_precision = false;  // bfloat16 where autocast thinks fit; on CUDA only
  PixelLayout layout = PixelLayout::kNchw;
};

// How well `rows` images were classified.
struct Score {
  std::int64_t rows = 0;
  std::int64_t top1 = 0;
  std::int64_t top5 = 0;
};

class Trainer {
 public:
  // The network is on its device already, and shared by all ranks from here on.
  Trainer(ResNet network, const TrainerOptions& options, torch::Device device, std::int64_t batches_per_epoch,
          Ranks& ranks);

  // Trains on a batch, the one at `position`. Gives the loss of this rank's rows, on the device: reading it waits.
  torch::Tensor Step(Position position, const Batch& batch);

  // Counts how the network classifies the batch.
  Score Classify(const Batch& batch);

  double learning_rate() const { return rate_; }
  const ResNet& network() const { return network_; }
  ResNet& network() { return network_; }
  torch::optim::SGD& optimizer() { return optimizer_; }

 private:
  torch::Tensor Forward(const torch::Tensor& images);

  ResNet network_;
  const TrainerOptions options_;
  const PixelNormaliser normalise_;
  const torch::Device device_;
  const std::int64_t batches_per_epoch_;
  Ranks& ranks_;
  torch::optim::SGD optimizer_;
  double rate_ = 0;
};

}  // namespace resnet
