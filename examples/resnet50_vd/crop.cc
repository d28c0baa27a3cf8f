// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/crop.h"

#include <algorithm>
#include <cmath>

namespace resnet {
namespace {

constexpr double kLeastShare = 0.08;
constexpr double kLeastAspect = 3.0 / 4.0;
constexpr double kMostAspect = 4.0 / 3.0;
constexpr int kDraws = 10;
constexpr double kCentreShare = 224.0 / 256.0;

Crop Centred(const ImageSize& size, double width, double height) {
  return {(size.width - width) / 2, (size.height - height) / 2, width, height, false};
}

Crop LargestOfFairAspect(const ImageSize& size) {
  const double aspect = std::clamp(static_cast<double>(size.width) / size.height, kLeastAspect, kMostAspect);
  return Centred(size, std::min<double>(size.width, size.height * aspect),
                 std::min<double>(size.height, size.width / aspect));
}

}  // namespace

Crop Crop::Reduced(int reduction) const {
  return {left / reduction, top / reduction, width / reduction, height / reduction, mirror};
}

Crop RandomCrop(const ImageSize& size, edl_examples::RandomStream& random) {
  const bool mirror = random.Unit() < 0.5;
  const double log_least = std::log(kLeastAspect);
  const double log_most = std::log(kMostAspect);
  for (int draw = 0; draw < kDraws; ++draw) {
    const double area = size.width * (kLeastShare + (1 - kLeastShare) * random.Unit()) * size.height;
    const double aspect = std::exp(log_least + (log_most - log_least) * random.Unit());
    const auto width = std::lround(std::sqrt(area * aspect));
    const auto height = std::lround(std::sqrt(area / aspect));
    if (width < 1 || width > size.width || height < 1 || height > size.height) continue;
    const auto left = random.Between(0, size.width - width);
    const auto top = random.Between(0, size.height - height);
    return {static_cast<double>(left), static_cast<double>(top), static_cast<double>(width),
            static_cast<double>(height), mirror};
  }
  Crop crop = LargestOfFairAspect(size);
  crop.mirror = mirror;
  return crop;
}

Crop CentreCrop(const ImageSize& size) {
  const double side = kCentreShare * std::min(size.width, size.height);
  return Centred(size, side, side);
}

int ReductionFor(const Crop& crop, int view_side) {
  for (const int reduction : {8, 4, 2}) {
    if (std::min(crop.width, crop.height) >= reduction * view_side) return reduction;
  }
  return 1;
}

}  // namespace resnet
