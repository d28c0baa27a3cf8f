// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/training_data.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

// What the user has to mend, without what only a programmer wants to know.
template <typename T>
T ValueOf(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(std::string(value.status().message()));
  return *std::move(value);
}

// Every `size`-th image from `rank` on: each is in one share, though shares may differ by one.
ImageList ShareOfList(const ImageList& list, const Ranks& ranks) {
  ImageList share = list;
  share.images.clear();
  for (std::size_t i = static_cast<std::size_t>(ranks.rank()); i < list.images.size();
       i += static_cast<std::size_t>(ranks.size())) {
    share.images.push_back(list.images[i]);
  }
  return share;
}

LoaderOptions MakeLoaderOptions(const Flags& flags, LoaderOptions options) {
  options.batch_rows = flags.batch_size;
  options.views.side = static_cast<int>(flags.image_size);
  options.views.layout = flags.image_layout == "NHWC" ? Layout::kNhwc : Layout::kNchw;
  options.on_bad_image = flags.on_bad_image == "skip" ? OnBadImage::kSkip : OnBadImage::kFail;
  options.seed = flags.seed;
  options.threads = flags.reader_thread;
  return options;
}

std::unique_ptr<ImageLoader> TrainingLoader(const Flags& flags, const ImageList& list, const Ranks& ranks) {
  LoaderOptions options = MakeLoaderOptions(flags, {});
  options.mixup_alpha = flags.mixup_alpha;
  options.rank = ranks.rank();
  options.world_size = ranks.size();
  return ValueOf(ImageLoader::Create(list, std::move(options)));
}

}  // namespace

TrainingData OpenTrainingData(const Flags& flags, const Ranks& ranks) {
  TrainingData data;
  data.images = ValueOf(FindImages(flags.data_dir, Part::kTrain));
  data.classes = flags.class_dim > 0 ? flags.class_dim : data.images.class_count;
  if (data.classes < data.images.class_count) {
    throw std::invalid_argument(
        absl::StrCat("--class_dim=", flags.class_dim, ", but the images are of ", data.images.class_count, " classes"));
  }
  data.training = TrainingLoader(flags, data.images, ranks);
  if (!flags.validate) return data;
  const ImageList list = ValueOf(FindImages(flags.data_dir, Part::kValidation));
  if (absl::Status same = CheckSameClasses(data.images, list); !same.ok()) {
    throw std::invalid_argument(std::string(same.message()));
  }
  ImageList share = ShareOfList(list, ranks);
  if (share.images.empty()) return data;
  data.validation =
      ValueOf(ImageLoader::Create(std::move(share), MakeLoaderOptions(flags, LoaderOptions::ForValidation())));
  return data;
}

}  // namespace resnet
