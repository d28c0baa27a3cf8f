// SPDX-License-Identifier: Apache-2.0
// ViewMaker: from an image's file to its view in a batch. A view is a pure function of the file and of (seed, epoch,
// index): any thread makes any view at any time, in any order.
// Errors: as ReadFile and DecodeImage, with the file's name in front. The view's memory is then undefined.
// Thread-safety: one thread at a time, which keeps it: its memory is used again from image to image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "examples/resnet50_vd/image.h"
#include "examples/resnet50_vd/resampler.h"

namespace resnet {

enum class Augmentation {
  kRandomCropAndFlip,  // to train on
  kCentreCrop,         // to validate on; the same whatever the seed and the epoch
};

struct ViewOptions {
  int side = 224;
  Layout layout = Layout::kNchw;
  Augmentation augmentation = Augmentation::kRandomCropAndFlip;
};

// What a random view is drawn by.
struct ViewKey {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::int64_t index = 0;  // in the list of images
};

class ViewMaker {
 public:
  explicit ViewMaker(const ViewOptions& options) : options_(options) {}

  // `view`: side * side * 3 bytes.
  absl::Status Make(const std::string& path, const ViewKey& key, std::uint8_t* view);

 private:
  absl::Status Decode(const std::string& path, const ViewKey& key, Crop& crop);

  const ViewOptions options_;
  std::vector<std::uint8_t> file_;
  RgbImage image_;
  Resampler resampler_;
};

}  // namespace resnet
