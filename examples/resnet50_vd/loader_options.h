// SPDX-License-Identifier: Apache-2.0
// LoaderOptions: what an ImageLoader's batches hold, and what it may spend on them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "examples/resnet50_vd/batch_memory.h"
#include "examples/resnet50_vd/epoch_order.h"
#include "examples/resnet50_vd/view_maker.h"

namespace resnet {

enum class Order { kShuffled, kAsListed };

// An image that cannot be read or decoded …
enum class OnBadImage {
  kSkip,  // is passed over: in its row stands the next image of the epoch's order that can be used
  kFail,  // ends the epoch with a status that names it
};

struct LoaderOptions {
  // Behaviour. Batches follow from these, from the list and from the files, and from nothing else.
  std::int64_t batch_rows = 128;  // images; 1 to 65536
  ViewOptions views;              // side: 1 to 4096 pixels
  double mixup_alpha = 0;         // 0: no mixup; else 0.01 to 100, larger mixes more evenly (0.2 is usual)
  Order order = Order::kShuffled;
  Remainder remainder = Remainder::kDrop;
  OnBadImage on_bad_image = OnBadImage::kSkip;
  std::uint64_t seed = 0;
  std::int64_t rank = 0;  // of trainers that share each epoch, 0 to world_size - 1
  std::int64_t world_size = 1;

  // Takes a line about each of the first bad images, and one an epoch about how many more there were; called where the
  // batch is asked for. Standard error when null. ImageLoader::stats() counts them all.
  std::function<void(const std::string& line)> report;

  // Performance.
  int threads = 0;             // that decode; 0: one a core; more than that only helps where files are slow to come
  int read_ahead_batches = 2;  // decoded, or being decoded, before they are asked for; 1 to 1024. Memory: so many
                               // batches, the one that is asked for, those that are held, and an image a thread
  Allocate allocate;           // of a batch's images; when null, the loader uses its own memory again and again

  // All of the images once, in their order, their middle: to validate on.
  static LoaderOptions ForValidation();

  // INVALID_ARGUMENT names the field, its value and its range.
  absl::Status Validate() const;
};

}  // namespace resnet
