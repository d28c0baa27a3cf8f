// SPDX-License-Identifier: Apache-2.0
// The installed edl::torch compiles, links and runs: tensors there and back, and the loss.
#include <torch/torch.h>

#include <exception>
#include <iostream>
#include <stdexcept>

#include "edl/torch/distillation_loss.h"
#include "edl/torch/tensor.h"

namespace {

void Run() {
  torch::Tensor scores = torch::rand({4, 10});
  edl::Tensor tensor = edl::FromTorch(scores).value();
  if (tensor.ToString() != "FP32 [4, 10]") throw std::runtime_error("became " + tensor.ToString());
  if (!torch::equal(edl::ToTorch(tensor).value(), scores)) throw std::runtime_error("did not come back as it was");

  torch::Tensor labels = torch::zeros({4}, torch::kLong);
  double loss = edl::DistillationLoss(scores, labels, scores).item<double>();
  if (!(loss > 0)) throw std::runtime_error("a loss of nothing");
}

}  // namespace

int main() {
  try {
    Run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
