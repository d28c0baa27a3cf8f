// SPDX-License-Identifier: Apache-2.0
// Mixup: blends each image of a batch with another of the same batch. It is the loader that does it, and on the uint8
// images: the teacher has to see the very image that the student sees.
// Source: Zhang et al. 2017 (mixup): the share is drawn once a batch from Beta(alpha, alpha).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "examples/support/random.h"

namespace resnet {

struct Mix {
  static constexpr int kWhole = 256;

  // Image i is share / kWhole of itself, and the rest of image partner[i]: a permutation of the batch.
  int share = kWhole;
  std::vector<std::int64_t> partner;

  // What the batch says of each of its rows.
  float weight() const { return static_cast<float>(share) / kWhole; }
};

// From Beta(alpha, alpha); alpha is above 0.
double DrawBeta(double alpha, edl_examples::RandomStream& random);

Mix DrawMix(std::int64_t rows, double alpha, edl_examples::RandomStream& random);

// Blends in place, rounding to the nearest. `images`: as many pieces of `image_bytes` as the mix has partners.
void Blend(const Mix& mix, std::size_t image_bytes, std::uint8_t* images);

}  // namespace resnet
