// SPDX-License-Identifier: Apache-2.0
// The setting of the demo: every number that the accuracies depend on. bench/results/fashion_mnist.* came of it.
#pragma once

#include <cstdint>
#include <string>

#include "examples/fashion_mnist/views.h"

namespace fashion_mnist {

// Stochastic gradient descent with Nesterov momentum; the learning rate rises linearly over the first part of the
// steps, then falls to zero by half a cosine.
struct Schedule {
  std::int64_t epochs;
  std::int64_t batch_rows;  // whole batches only; an epoch's last rows are left out
  double peak_rate;
  double warmup_fraction;
  double momentum = 0.9;
  double weight_decay = 5e-4;
};

struct TeacherRecipe {
  std::int64_t subset = 60'000;  // of the training images: all
  Schedule schedule{8, 128, 0.2, 0.2};
  std::uint64_t seed = 0;
  Augmentation augmentation{/*max_shift=*/2, /*flip=*/true, /*max_zoom_percent=*/0, /*cutout_side=*/0};

  // Tells cached teachers apart.
  std::string ToString() const;
};

// `subset` of the training images, with their labels; the same for the student without a teacher. The teacher sees the
// very views that the student trains on ("A good teacher is patient and consistent", Beyer et al. 2022).
struct StudentRecipe {
  std::int64_t subset = 6'000;
  Schedule schedule{40, 128, 0.1, 0.1};
  double alpha = 0.9;        // weight of the soft labels; 1 - alpha: of the hard ones
  double temperature = 4.0;  // Hinton et al. 2015
  Augmentation augmentation{/*max_shift=*/2, /*flip=*/true, /*max_zoom_percent=*/0, /*cutout_side=*/0};

  std::string ToString() const;
};

}  // namespace fashion_mnist
