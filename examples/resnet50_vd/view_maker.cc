// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/view_maker.h"

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "examples/resnet50_vd/crop.h"
#include "examples/resnet50_vd/image_decoder.h"
#include "examples/resnet50_vd/image_file.h"

namespace resnet {
namespace {

// Tells this stream from others of the same seed and epoch.
constexpr std::uint64_t kViewStream = 0x5649455700000001u;

// A rare huge image's memory is not kept for the ones after it.
constexpr std::size_t kMostKeptBytes = std::size_t{1} << 26;

Crop DrawCrop(Augmentation augmentation, const ImageSize& size, const ViewKey& key) {
  if (augmentation == Augmentation::kCentreCrop) return CentreCrop(size);
  edl_examples::RandomStream random({kViewStream, key.seed, key.epoch, static_cast<std::uint64_t>(key.index)});
  return RandomCrop(size, random);
}

}  // namespace

absl::Status ViewMaker::Make(const std::string& path, const ViewKey& key, std::uint8_t* view) {
  Crop crop;
  const absl::Status decoded = Decode(path, key, crop);
  if (!decoded.ok()) return absl::Status(decoded.code(), absl::StrCat(path, ": ", decoded.message()));
  resampler_.Resample(image_, crop, options_.side, options_.layout, view);
  if (image_.pixels.capacity() > kMostKeptBytes) image_ = RgbImage();
  return absl::OkStatus();
}

// Into image_, no larger than the crop needs it; `crop` is in pixels of that.
absl::Status ViewMaker::Decode(const std::string& path, const ViewKey& key, Crop& crop) {
  const absl::Status read = ReadFile(path, file_);
  if (!read.ok()) return read;
  const std::string_view bytes(reinterpret_cast<const char*>(file_.data()), file_.size());
  const absl::StatusOr<ImageSize> size = ReadImageSize(bytes);
  if (!size.ok()) return size.status();
  crop = DrawCrop(options_.augmentation, *size, key);
  const int reduction = ReductionFor(crop, options_.side);
  const absl::Status decoded = DecodeImage(bytes, reduction, image_);
  // A PNG is not reduced.
  if (!(image_.size == *size)) crop = crop.Reduced(reduction);
  return decoded;
}

}  // namespace resnet
