// SPDX-License-Identifier: Apache-2.0
// Training: a network's way through its schedule, on whatever stream of batches it is given.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "examples/fashion_mnist/dataset.h"
#include "examples/fashion_mnist/networks.h"
#include "examples/fashion_mnist/recipe.h"
#include "examples/support/progress.h"
#include "torch/torch.h"

namespace fashion_mnist {

struct Batch {
  torch::Tensor images;          // uint8 [rows, 1, 28, 28]
  torch::Tensor labels;          // int64 [rows]
  torch::Tensor teacher_logits;  // float32 [rows, 10]; undefined: no teacher
};

// The next batch of an epoch, or nothing at its end. Throws when there can be none.
using BatchStream = std::function<std::optional<Batch>()>;
using EpochStreams = std::function<BatchStream(std::int64_t epoch)>;

struct StudentResult {
  std::vector<double> accuracy;  // per cent of the test images, after each epoch
  double images_per_second = 0;  // trained on, from the first batch asked for to the last step; tests are not counted
};

// Trains a fresh student. Its weights depend on recipe, seed and batches alone.
StudentResult TrainStudent(const StudentRecipe& recipe, std::uint64_t seed, const EpochStreams& streams,
                           const Dataset& test, edl_examples::Progress& progress);

// Trains the teacher on the hard labels.
Teacher TrainTeacher(const TeacherRecipe& recipe, const Dataset& training, edl_examples::Progress& progress);

// Per cent of `dataset` that the network classifies right.
double Accuracy(const Dataset& dataset, const std::function<torch::Tensor(const torch::Tensor& images)>& network);

}  // namespace fashion_mnist
