// SPDX-License-Identifier: Apache-2.0
// Random views of uint8 images, made in the loader so that teacher and student get the very same bytes (the "consistent
// teaching" of Beyer et al. 2022). A view is a pure function of (seed, epoch, index): any process can make any view at
// any time, in any order, and in every mode of the demo the views are the same. The arithmetic is on integers only, so
// they are also the same on every machine.
#pragma once

#include "torch/torch.h"

#include <cstdint>
#include <vector>

namespace fashion_mnist {

// Zero in every field (and flip off) gives the image back unchanged.
struct Augmentation {
  int max_shift = 0;         // pixels, each axis, uniform in [-max_shift, max_shift]; what comes in is black
  bool flip = false;         // mirror left and right, half of the time
  int max_zoom_percent = 0;  // the view's side in the source is 100 % +- this, per axis (so the aspect changes too)
  int cutout_side = 0;       // pixels; a black square (DeVries and Taylor 2017), centred anywhere in the image
};

// The order in which one epoch visits `count` samples.
std::vector<std::int64_t> EpochOrder(std::int64_t count, std::uint64_t seed, std::uint64_t epoch);

// The views of images[index] for every index of `indices`. `images` is contiguous uint8 [N, 1, 28, 28]; so is the
// result, with as many rows as there are indices.
torch::Tensor MakeViews(const torch::Tensor& images, const std::vector<std::int64_t>& indices, std::uint64_t seed,
                        std::uint64_t epoch, const Augmentation& augmentation);

}  // namespace fashion_mnist
