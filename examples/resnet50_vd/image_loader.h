// SPDX-License-Identifier: Apache-2.0
// ImageLoader: a trainer's own data loader for a folder of images, which knows nothing of teachers.
// Place: takes an ImageList; gives batches to edl::FromBatches, or to who trains without teachers.
// Shapes, dtype: image UINT8 [rows, 3, side, side], or [rows, side, side, 3]; label INT64 [rows]; index INT64 [rows],
//                the image's place in the list. With mixup, also label_b INT64 [rows] and mix FP32 [rows]: the image is
//                `mix` of one of class label, and the rest of one of class label_b.
// Rules: an epoch's batches are the same for the same options, list and files, whoever asks, whenever, and with however
//        many threads. A batch always has batch_rows rows, but the last one with Remainder::kKeep.
// Errors: Create: INVALID_ARGUMENT - an option, or too few images for a batch. A generator's, which stay: a bad image
//         (OnBadImage::kFail), kMostBadInARow of them (kSkip); no memory, or no more files.
// Thread-safety: any thread; a generator, and its copies, one thread at a time. Threads live as long as a generator.
// Lifetime: generators and batches outlive the loader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/batch_source.h"
#include "examples/resnet50_vd/image_list.h"
#include "examples/resnet50_vd/loader_options.h"

namespace resnet {

// Where a training begins: at an epoch's start, or at the first batch that an earlier run did not train on.
struct Position {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;  // 0 to batches_per_epoch()
};

// Counted as batches are asked for, since the loader was made.
struct LoaderStats {
  std::int64_t batches = 0;
  std::int64_t rows = 0;
  std::int64_t bad_images = 0;                // an image that stays bad counts in every epoch
  std::vector<std::string> first_bad_images;  // at most kReportedBadImages: the file, and why it is bad
};

inline constexpr std::int64_t kReportedBadImages = 20;

class ImageLoader {
 public:
  static absl::StatusOr<std::unique_ptr<ImageLoader>> Create(ImageList list, LoaderOptions options);

  // What each batch carries, in this order.
  std::vector<std::string> fields() const;

  std::int64_t batches_per_epoch() const;

  // Epoch 0 of the function is start.epoch, from start.batch on: what comes before it is not decoded. Those that follow
  // are whole.
  edl::EpochFunction<edl::Fields> Epochs(Position start = {}) const;

  LoaderStats stats() const;

 private:
  class Shared;
  explicit ImageLoader(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  const std::shared_ptr<Shared> shared_;  // held by every generator
};

}  // namespace resnet
