// SPDX-License-Identifier: Apache-2.0
// ResNet: a network of the family, as a module to train.
// Shapes, dtype: normalised images (normalise.h), float [rows, 3, H, W], to logits [rows, classes]. Any H and W; each
//                stage works at a half, rounded up, of what is above it, so little remains of less than 32.
// Names: parameters and buffers are called as in torchvision (conv1, bn1, layer1.0.conv1, …, layer2.0.downsample.0, fc)
//        and those of vd as in timm's resnet18d … resnet152d (conv1.0, conv1.1, conv1.3, …, layer1.0.downsample.1), so
//        that published weights fit by name.
// Errors: std::invalid_argument - a spec or options that make no sense; forward: c10::Error, as libtorch's modules.
// Source: resnet_spec.h. Initial weights: He et al., "Delving Deep into Rectifiers", 2015, by fan-out.
#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <vector>

#include "examples/resnet50_vd/resnet_spec.h"

namespace resnet {

// A convolution without bias, padded by half its kernel, and the batch normalisation behind it; whoever has them has
// registered both.
struct ConvNorm {
  torch::nn::Conv2d conv{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};

  torch::Tensor operator()(const torch::Tensor& input) { return norm(conv(input)); }
};

// A residual block: relu(shortcut + the layers' result, a ReLU between each two).
class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(const ResNetSpec& spec, std::int64_t inputs, std::int64_t planes, std::int64_t stride);
  torch::Tensor forward(const torch::Tensor& input);

  std::vector<ConvNorm> layers;
  // Where the shortcut changes the shape; else both are empty, and the shortcut is the input itself.
  torch::nn::AvgPool2d shortcut_pool{nullptr};  // also empty where vd has nothing to average, and without vd
  ConvNorm shortcut;

 private:
  void AddShortcut(Variant variant, std::int64_t inputs, std::int64_t outputs, std::int64_t stride);
};
TORCH_MODULE(Block);

struct ResNetOptions {
  std::int64_t classes = 1000;

  // Every residual block begins as the identity: the last normalisation of its layers scales by 0. "Bag of Tricks" has
  // it for training with large batches.
  bool zero_last_gamma = false;
};

class ResNetImpl : public torch::nn::Module {
 public:
  explicit ResNetImpl(const ResNetSpec& spec, const ResNetOptions& options = {});
  torch::Tensor forward(const torch::Tensor& images);

  // "ResNet50_vd with 1000 classes"
  std::string Describe() const;

  const ResNetSpec spec;
  const ResNetOptions options;

  // All layers in the order of forward; teacher_script.cc writes them down.
  std::vector<ConvNorm> stem;  // a ReLU behind each
  torch::nn::MaxPool2d pool{nullptr};
  std::vector<Block> blocks;
  torch::nn::Linear fc{nullptr};

 private:
  void AddStem();
  void AddStages();
  void Initialise();
};
TORCH_MODULE(ResNet);

// Has all convolutions keep weights and activations channels-last, as oneDNN on CPUs and cuDNN with half floats like
// it. Values and names stay. After to(device), before an optimizer is made.
void UseChannelsLast(torch::nn::Module& module);

}  // namespace resnet
