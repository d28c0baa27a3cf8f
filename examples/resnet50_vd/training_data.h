// SPDX-License-Identifier: Apache-2.0
// TrainingData: the images that a rank trains and validates on, as the flags say.
#pragma once

#include <cstdint>
#include <memory>

#include "examples/resnet50_vd/flags.h"
#include "examples/resnet50_vd/image_list.h"
#include "examples/resnet50_vd/image_loader.h"
#include "examples/resnet50_vd/ranks.h"

namespace resnet {

struct TrainingData {
  ImageList images;          // of all ranks
  std::int64_t classes = 0;  // that the network tells apart
  std::unique_ptr<ImageLoader> training;
  std::unique_ptr<ImageLoader> validation;  // null: nothing for this rank to validate on
};

// Throws std::runtime_error or std::invalid_argument with what the user has to mend.
TrainingData OpenTrainingData(const Flags& flags, const Ranks& ranks);

}  // namespace resnet
