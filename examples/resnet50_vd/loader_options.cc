// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/loader_options.h"

#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

template <typename T>
absl::Status CheckRange(const char* field, T value, T least, T most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("LoaderOptions: ", field, " is ", value, "; expected ", least, " to ", most));
}

}  // namespace

LoaderOptions LoaderOptions::ForValidation() {
  LoaderOptions options;
  options.views.augmentation = Augmentation::kCentreCrop;
  options.order = Order::kAsListed;
  options.remainder = Remainder::kKeep;
  return options;
}

absl::Status LoaderOptions::Validate() const {
  for (const absl::Status& status : {
           CheckRange<std::int64_t>("batch_rows", batch_rows, 1, 65536),
           CheckRange("views.side", views.side, 1, 4096),
           mixup_alpha == 0 ? absl::OkStatus() : CheckRange("mixup_alpha", mixup_alpha, 0.01, 100.0),
           CheckRange<std::int64_t>("world_size", world_size, 1, 1'000'000),
           CheckRange<std::int64_t>("rank", rank, 0, world_size - 1),
           CheckRange("threads", threads, 0, 1024),
           CheckRange("read_ahead_batches", read_ahead_batches, 1, 1024),
       }) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace resnet
