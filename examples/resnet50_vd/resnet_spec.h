// SPDX-License-Identifier: Apache-2.0
// ResNetSpec: what sets one network of the ResNet family apart, and the family by name.
// Source: He et al., "Deep Residual Learning for Image Recognition", 2015; Xie et al., "Aggregated Residual
//         Transformations for Deep Neural Networks", 2016 (ResNeXt); He et al., "Bag of Tricks for Image
//         Classification with Convolutional Neural Networks", 2019 (vd: its variant D).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace resnet {

enum class BlockKind {
  kBasic,       // 3x3, 3x3
  kBottleneck,  // 1x1, 3x3 (where the stride is, in both variants), 1x1 with four times the channels
};

enum class Variant {
  kPlain,  // one 7x7 convolution to begin with; a shortcut that halves the resolution drops three pixels of four
  kVd,     // three 3x3 convolutions to begin with; such a shortcut averages the four
};

struct ResNetSpec {
  std::string name;
  BlockKind block = BlockKind::kBottleneck;
  std::array<std::int64_t, 4> depths = {};  // blocks of each stage; every stage but the first halves the resolution
  Variant variant = Variant::kPlain;
  std::int64_t groups = 1;            // of a bottleneck's 3x3 convolution
  std::int64_t width_per_group = 64;  // channels of such a group in the first stage; they double with every stage
};

// ResNet18, 34, 50, 101 and 152, each also with _vd; ResNeXt101_32x16d, and ResNeXt101_32x16d_wsl, which is the same
// network under the name of its weights.
std::vector<std::string> ModelNames();

// Throws std::invalid_argument, which says what names there are.
ResNetSpec FindSpec(const std::string& name);

}  // namespace resnet
