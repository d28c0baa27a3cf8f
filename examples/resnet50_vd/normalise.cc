// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/normalise.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace resnet {
namespace {

// In doubles, so that float32 is rounded to once.
torch::Tensor Mean() {
  return torch::tensor({0.485, 0.456, 0.406}, torch::kFloat64).view({3, 1, 1});
}
torch::Tensor Deviation() {
  return torch::tensor({0.229, 0.224, 0.225}, torch::kFloat64).view({3, 1, 1});
}

}  // namespace

torch::Tensor PixelScale() {
  return Deviation().mul(255).reciprocal().to(torch::kFloat32);
}

torch::Tensor PixelOffset() {
  return Mean().div(Deviation()).to(torch::kFloat32);
}

PixelNormaliser::PixelNormaliser(PixelLayout layout, torch::Device device)
    : layout_(layout), scale_(PixelScale().to(device)), offset_(PixelOffset().to(device)) {}

torch::Tensor PixelNormaliser::operator()(const torch::Tensor& images) const {
  const bool nhwc = layout_ == PixelLayout::kNhwc;
  if (images.scalar_type() != torch::kUInt8 || images.dim() != 4 || images.size(nhwc ? 3 : 1) != 3) {
    throw std::invalid_argument(absl::StrCat("the images are ", torch::toString(images.scalar_type()), " [",
                                             absl::StrJoin(images.sizes(), ", "), "]; expected Byte ",
                                             nhwc ? "[rows, height, width, 3]" : "[rows, 3, height, width]"));
  }
  return torch::mul(nhwc ? images.permute({0, 3, 1, 2}) : images, scale_).sub_(offset_);
}

}  // namespace resnet
