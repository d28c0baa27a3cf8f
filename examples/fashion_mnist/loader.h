// SPDX-License-Identifier: Apache-2.0
// Loader: the trainer's own data loader, which knows nothing of teachers. All modes of the demo train on what it gives.
// Shapes: image uint8 [rows, 1, 28, 28]; label int64 [rows]; index int64 [rows], the image's place in the data set.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "edl/batch_source.h"
#include "examples/fashion_mnist/dataset.h"
#include "examples/fashion_mnist/recipe.h"

namespace fashion_mnist {

// What each batch carries, in this order.
inline const std::vector<std::string> kLoaderFields = {"image", "label", "index"};

// Gives each epoch's batches: the same for the same seed and epoch, whoever asks, whenever. `dataset` is shared.
edl::EpochFunction<edl::Fields> MakeLoader(Dataset dataset, const Schedule& schedule, const Augmentation& augmentation,
                                           std::uint64_t seed);

// Whole batches in an epoch.
std::int64_t BatchesPerEpoch(const Dataset& dataset, const Schedule& schedule);

}  // namespace fashion_mnist
