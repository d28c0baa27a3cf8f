// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/gradient_buckets.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace resnet {

GradientBuckets::GradientBuckets(c10::intrusive_ptr<c10d::ProcessGroup> group,
                                 const std::vector<torch::Tensor>& parameters)
    : group_(std::move(group)) {
  std::vector<torch::Tensor> next;
  std::size_t bytes = 0;
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    next.push_back(*parameter);
    bytes += parameter->nbytes();
    if (bytes < (buckets_.empty() ? kFirstBytes : kBytes)) continue;
    AddBucket(std::exchange(next, {}));
    bytes = 0;
  }
  if (!next.empty()) AddBucket(std::move(next));
}

GradientBuckets::~GradientBuckets() {
  for (Hook& hook : hooks_) hook.parameter.remove_hook(hook.id);
}

void GradientBuckets::AddBucket(std::vector<torch::Tensor> parameters) {
  auto bucket = std::make_unique<Bucket>();
  std::int64_t elements = 0;
  for (const torch::Tensor& parameter : parameters) elements += parameter.numel();
  bucket->sum = torch::zeros({elements}, parameters.front().options().requires_grad(false));
  std::int64_t first = 0;
  for (torch::Tensor& parameter : parameters) {
    const std::size_t part = bucket->parts.size();
    bucket->parts.push_back(bucket->sum.narrow(0, first, parameter.numel()).view(parameter.sizes()));
    first += parameter.numel();
    const unsigned id = parameter.register_hook(
        [this, to = bucket.get(), part](const torch::Tensor& gradient) { OnGradient(*to, part, gradient); });
    hooks_.push_back({parameter, id});
  }
  bucket->parameters = std::move(parameters);
  buckets_.push_back(std::move(bucket));
}

void GradientBuckets::Begin() {
  begun_ = 0;
  for (auto& bucket : buckets_) {
    bucket->missing = bucket->parameters.size();
    bucket->work.reset();
  }
}

void GradientBuckets::OnGradient(Bucket& bucket, std::size_t part, const torch::Tensor& gradient) {
  const torch::NoGradGuard no_grad;
  bucket.parts[part].copy_(gradient);
  --bucket.missing;
  for (; begun_ < buckets_.size() && buckets_[begun_]->missing == 0; ++begun_) {
    std::vector<torch::Tensor> sum = {buckets_[begun_]->sum};
    buckets_[begun_]->work = group_->allreduce(sum);
  }
}

void GradientBuckets::End() {
  if (begun_ < buckets_.size()) throw std::runtime_error("a parameter got no gradient, which the other ranks wait for");
  const torch::NoGradGuard no_grad;
  for (auto& bucket : buckets_) {
    try {
      bucket->work->wait();
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string("averaging gradients among the ranks failed: ") + error.what());
    }
    bucket->sum.div_(group_->getSize());
    for (std::size_t i = 0; i < bucket->parts.size(); ++i) bucket->parameters[i].mutable_grad().copy_(bucket->parts[i]);
  }
}

}  // namespace resnet
