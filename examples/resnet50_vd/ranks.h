// SPDX-License-Identifier: Apache-2.0
// Ranks: the students that train one network together, each on its share of the data; this process is one of them.
// Place: the trainer averages gradients through it; the main program sums counts and agrees to stop.
// Errors: std::runtime_error - the environment makes no sense, or the others cannot be reached, or are gone.
// Thread-safety: one thread; all ranks make the same calls in the same order.
// Source: torchrun's environment (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace resnet {

struct RankOptions {
  int rank = 0;
  int world_size = 1;
  std::string master_address;  // of rank 0's host
  int master_port = 0;
  bool master_serves = false;  // the launcher, not rank 0, has the store at that port
  std::string attempt = "0";   // how often that launcher has started the ranks again

  // One rank of one when none of the variables is set.
  static RankOptions FromEnvironment();
};

class Ranks {
 public:
  // Returns when all are there.
  static std::unique_ptr<Ranks> Join(const RankOptions& options, torch::Device device);

  virtual ~Ranks() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Gives all ranks the tensors of rank 0. Before the first step.
  virtual void Share(const std::vector<torch::Tensor>& tensors) = 0;

  // From here on, the gradients of a backward pass between these two calls are the means of all ranks'
  // (gradient_buckets.h).
  virtual void AverageGradientsOf(const std::vector<torch::Tensor>& parameters) = 0;
  virtual void BeginBackward() = 0;
  virtual void EndBackward() = 0;

  // The sum over all ranks; waits for them.
  virtual std::vector<double> Sum(std::vector<double> values) = 0;
};

}  // namespace resnet
