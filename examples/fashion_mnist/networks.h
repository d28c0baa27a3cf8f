// SPDX-License-Identifier: Apache-2.0
// The two networks. Both take the loader's uint8 images [N, 1, 28, 28], normalise them themselves and return logits
// [N, 10], so that a view travels as 784 bytes. Both halve the resolution in the first convolution: at 28x28 the
// element-wise layers, not the convolutions, would take most of a CPU's time.
#pragma once

#include "torch/torch.h"

#include <cstdint>

namespace fashion_mnist {

// Mean and standard deviation of the training set's pixels, scaled to [0, 1].
inline constexpr double kPixelMean = 0.2860;
inline constexpr double kPixelDeviation = 0.3530;

torch::Tensor Normalise(const torch::Tensor& images);

// Convolution without bias, batch normalisation, ReLU; padding keeps the resolution at stride 1.
class ConvBlockImpl : public torch::nn::Module {
 public:
  ConvBlockImpl(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride);
  torch::Tensor forward(const torch::Tensor& input);

  torch::nn::Conv2d convolution{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
};
TORCH_MODULE(ConvBlock);

// 48 channels at 14x14, 96 at 7x7, residual connections, global average pooling; about 14 million multiply-adds per
// image and 0.24 million parameters.
class TeacherImpl : public torch::nn::Module {
 public:
  TeacherImpl();
  torch::Tensor forward(const torch::Tensor& images);

  ConvBlock stem{nullptr};
  ConvBlock middle{nullptr};  // residual
  ConvBlock down{nullptr};
  ConvBlock deep1{nullptr};  // residual
  ConvBlock deep2{nullptr};  // residual
  torch::nn::Linear head{nullptr};
};
TORCH_MODULE(Teacher);

// 16 channels at 14x14, 32 at 14x14, 64 at 7x7; about 2 million multiply-adds per image and 24 thousand parameters.
class StudentImpl : public torch::nn::Module {
 public:
  StudentImpl();
  torch::Tensor forward(const torch::Tensor& images);

  ConvBlock stem{nullptr};
  ConvBlock middle{nullptr};
  ConvBlock down{nullptr};
  torch::nn::Linear head{nullptr};
};
TORCH_MODULE(Student);

}  // namespace fashion_mnist
