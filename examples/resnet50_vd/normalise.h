// SPDX-License-Identifier: Apache-2.0
// PixelNormaliser: what student and teachers make of uint8 images before their first convolution, on their own device,
// so that images travel as bytes.
// Shapes, dtype: uint8 RGB, [rows, 3, H, W] or [rows, H, W, 3], to float32 [rows, 3, H, W]; what comes as NHWC goes on
//                channels-last, without a copy for it.
// Errors: std::invalid_argument - images of another dtype or shape.
// Source: mean and deviation of ImageNet's pixels, as torchvision's and timm's weights and those of WSL-Images expect.
#pragma once

#include <torch/types.h>

namespace resnet {

enum class PixelLayout { kNchw, kNhwc };

// Normalised is pixel * scale - offset; both float32 [3, 1, 1].
torch::Tensor PixelScale();
torch::Tensor PixelOffset();

class PixelNormaliser {
 public:
  explicit PixelNormaliser(PixelLayout layout, torch::Device device = torch::kCPU);

  // Of images on that device.
  torch::Tensor operator()(const torch::Tensor& images) const;

 private:
  const PixelLayout layout_;
  const torch::Tensor scale_;
  const torch::Tensor offset_;
};

}  // namespace resnet
