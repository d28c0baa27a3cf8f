// SPDX-License-Identifier: Apache-2.0
// Reads Fashion-MNIST (Xiao et al. 2017) from the gzip-compressed idx files that Debian's dataset-fashion-mnist ships.
#pragma once

#include "torch/torch.h"

#include <cstdint>
#include <filesystem>

namespace fashion_mnist {

inline constexpr std::int64_t kImageSide = 28;
inline constexpr std::int64_t kClassCount = 10;
inline constexpr const char* kDefaultDirectory = "/usr/share/datasets/fashion-mnist";

enum class Part { kTrain, kTest };

struct Dataset {
  torch::Tensor images;  // uint8 [N, 1, 28, 28]
  torch::Tensor labels;  // int64 [N]

  std::int64_t size() const { return labels.size(0); }
};

// Loads one part: 60,000 training or 10,000 test images. Throws std::runtime_error, naming the file, when a file cannot
// be read or is not what the idx format and this data set promise.
Dataset Load(const std::filesystem::path& directory, Part part);

// Draws `count` images, the same number of every class, without replacement; the same seed gives the same images in the
// same order. Throws std::invalid_argument when `count` is not a multiple of the class count or a class is too small.
Dataset DrawBalancedSubset(const Dataset& dataset, std::int64_t count, std::uint64_t seed);

}  // namespace fashion_mnist
