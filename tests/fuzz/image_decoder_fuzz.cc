// SPDX-License-Identifier: Apache-2.0
// An image's file, and the view that is made of it. Input: a byte for the reduction, one for the crop, then the file.
#include "examples/resnet50_vd/image_decoder.h"

#include "examples/resnet50_vd/crop.h"
#include "examples/resnet50_vd/resampler.h"
#include "tests/fuzz/fuzz_input.h"

namespace resnet {
namespace {

using edl::Require;

// Larger ones are decoded in the same way, but not thousands of times a second.
constexpr std::int64_t kMostPixelsHere = std::int64_t{1} << 18;

void CheckError(const absl::Status& status) {
  Require(absl::IsInvalidArgument(status) || absl::IsDataLoss(status), "an error says whose fault it is");
  Require(!status.message().empty(), "an error says what is wrong");
}

void CheckViews(const RgbImage& image, std::uint64_t seed) {
  edl_examples::RandomStream random({seed});
  Resampler resampler;
  constexpr int kSide = 9;
  std::vector<std::uint8_t> view(std::size_t{kSide} * kSide * 3);
  resampler.Resample(image, CentreCrop(image.size), kSide, Layout::kNchw, view.data());
  resampler.Resample(image, RandomCrop(image.size, random), kSide, Layout::kNhwc, view.data());
}

void Check(const std::string& file, int reduction, std::uint64_t seed) {
  RgbImage image;
  const absl::StatusOr<ImageSize> size = ReadImageSize(file);
  if (!size.ok()) {
    CheckError(size.status());
    Require(!DecodeImage(file, reduction, image).ok(), "what has no size cannot be decoded");
    return;
  }
  const std::int64_t pixels = std::int64_t{size->width} * size->height;
  Require(size->width > 0 && size->height > 0 && pixels <= kMostPixels, "an image's size is bounded");
  if (pixels > kMostPixelsHere) return;
  const absl::Status decoded = DecodeImage(file, reduction, image);
  if (!decoded.ok()) return CheckError(decoded);
  const bool whole = image.size == *size;
  const auto up = [&](int side) { return (side + reduction - 1) / reduction; };
  Require(whole || image.size == ImageSize{up(size->width), up(size->height)}, "it has the size that was asked for");
  Require(image.pixels.size() ==
              static_cast<std::size_t>(image.size.width) * static_cast<std::size_t>(image.size.height) * 3,
          "it has three bytes a pixel");
  CheckViews(image, seed);
}

}  // namespace
}  // namespace resnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  edl::FuzzInput input(data, size);
  const int reduction = 1 << (input.Byte() % 4);
  const std::uint64_t seed = input.Byte();
  resnet::Check(input.Rest(), reduction, seed);
  return 0;
}
