// SPDX-License-Identifier: Apache-2.0
// GradientBuckets: gradients averaged over all ranks while the backward pass still computes others.
// How: parameters are put together, the last ones first, since the backward pass comes to them first. When all
//      gradients of a bucket are there, its sum over the ranks is begun; all ranks begin them in the same order.
// Rules: a parameter has one gradient a backward pass.
// Errors: std::runtime_error - a parameter had none, or another rank is gone.
// Thread-safety: one thread, and that of the backward pass meanwhile.
// Source: Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", 2020. (c10d's own
//         Reducer does that, but its header needs others that Debian's libtorch does not have.)
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <memory>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <vector>

namespace resnet {

class GradientBuckets {
 public:
  // The first bucket is small, so that the first sum begins early.
  static constexpr std::size_t kFirstBytes = std::size_t{1} << 20;
  static constexpr std::size_t kBytes = std::size_t{25} << 20;

  GradientBuckets(c10::intrusive_ptr<c10d::ProcessGroup> group, const std::vector<torch::Tensor>& parameters);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  // Around each backward pass. After it the parameters' gradients are the means.
  void Begin();
  void End();

 private:
  struct Bucket {
    std::vector<torch::Tensor> parameters;
    torch::Tensor sum;                 // of the gradients, one behind the other
    std::vector<torch::Tensor> parts;  // of `sum`, each in its parameter's shape
    std::size_t missing = 0;           // gradients, in this pass
    c10::intrusive_ptr<c10d::Work> work;
  };
  struct Hook {
    torch::Tensor parameter;
    unsigned id;
  };

  void AddBucket(std::vector<torch::Tensor> parameters);
  void OnGradient(Bucket& bucket, std::size_t part, const torch::Tensor& gradient);

  const c10::intrusive_ptr<c10d::ProcessGroup> group_;
  std::vector<std::unique_ptr<Bucket>> buckets_;
  std::vector<Hook> hooks_;
  std::size_t begun_ = 0;  // sums, in this pass
};

}  // namespace resnet
