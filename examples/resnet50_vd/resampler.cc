// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/resampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace resnet {
namespace {

// 1.0 in weights: sums of products with bytes fit into 22 bits.
constexpr int kOneBits = 14;
constexpr int kOne = 1 << kOneBits;

std::uint8_t ToByte(std::int32_t sum) {
  return static_cast<std::uint8_t>((sum + kOne / 2) >> kOneBits);
}

// Rounds `exact`, which are not negative and not all 0, to whole numbers that add up to kOne.
void RoundWeights(const std::vector<double>& exact, std::int16_t* weights) {
  double total = 0;
  for (const double weight : exact) total += weight;
  int missing = kOne;
  std::size_t largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    weights[i] = static_cast<std::int16_t>(std::lround(exact[i] / total * kOne));
    missing -= weights[i];
    if (exact[i] > exact[largest]) largest = i;
  }
  weights[largest] = static_cast<std::int16_t>(weights[largest] + missing);
}

}  // namespace

void Resampler::Axis::Set(double begin, double length, int image_length, int side) {
  const double step = length / side;
  const double reach = std::max(step, 1.0);  // the triangle's half width
  stride = static_cast<int>(std::ceil(reach)) * 2 + 1;
  taps.resize(static_cast<std::size_t>(side));
  weights.assign(static_cast<std::size_t>(side) * static_cast<std::size_t>(stride), 0);
  std::vector<double> exact;
  for (int i = 0; i < side; ++i) {
    const double centre = begin + (i + 0.5) * step;
    // Pixel p has its middle at p + 0.5.
    const int first = std::max(0, static_cast<int>(std::floor(centre - reach + 0.5)));
    const int end = std::min(image_length, static_cast<int>(std::floor(centre + reach + 0.5)));
    exact.clear();
    for (int p = first; p < end; ++p) exact.push_back(std::max(0.0, 1 - std::abs(p + 0.5 - centre) / reach));
    RoundWeights(exact, weights.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(stride));
    taps[static_cast<std::size_t>(i)] = {first, end - first};
  }
}

void Resampler::Resample(const RgbImage& image, const Crop& crop, int side, Layout layout, std::uint8_t* view) {
  columns_.Set(crop.left, crop.width, image.size.width, side);
  rows_.Set(crop.top, crop.height, image.size.height, side);
  const int first_row = rows_.taps.front().first;
  const int rows = rows_.taps.back().first + rows_.taps.back().count - first_row;
  MakeColumns(image, first_row, rows, layout, crop.mirror);

  const auto width = static_cast<std::size_t>(side);
  const std::size_t plane = width * width;
  for (std::size_t y = 0; y < width; ++y) {
    const Axis::Tap& tap = rows_.taps[y];
    MakeRow(lines_.data() + static_cast<std::size_t>(tap.first - first_row) * width * 3, tap, rows_.weights_of(y));
    const std::int32_t* sums = sums_.data();
    if (layout == Layout::kNhwc) {
      std::uint8_t* row = view + y * width * 3;
      for (std::size_t i = 0; i < width * 3; ++i) row[i] = ToByte(sums[i]);
      continue;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      std::uint8_t* row = view + c * plane + y * width;
      for (std::size_t x = 0; x < width; ++x) row[x] = ToByte(sums[c * width + x]);
    }
  }
}

// Across: the rows that are needed, each made as wide as the view.
void Resampler::MakeColumns(const RgbImage& image, int first_row, int rows, Layout layout, bool mirror) {
  const std::size_t side = columns_.taps.size();
  const std::size_t pixel_step = layout == Layout::kNhwc ? 3 : 1;
  const std::size_t channel_step = layout == Layout::kNhwc ? 1 : side;
  const auto image_width = static_cast<std::size_t>(image.size.width);
  lines_.resize(static_cast<std::size_t>(rows) * side * 3);
  for (int y = 0; y < rows; ++y) {
    const std::uint8_t* source = image.pixels.data() + static_cast<std::size_t>(first_row + y) * image_width * 3;
    std::uint8_t* line = lines_.data() + static_cast<std::size_t>(y) * side * 3;
    for (std::size_t x = 0; x < side; ++x) {
      const Axis::Tap& tap = columns_.taps[x];
      const std::int16_t* weights = columns_.weights_of(x);
      const std::uint8_t* pixel = source + static_cast<std::size_t>(tap.first) * 3;
      std::int32_t red = 0, green = 0, blue = 0;
      for (int i = 0; i < tap.count; ++i, pixel += 3) {
        red += weights[i] * pixel[0];
        green += weights[i] * pixel[1];
        blue += weights[i] * pixel[2];
      }
      std::uint8_t* out = line + (mirror ? side - 1 - x : x) * pixel_step;
      out[0] = ToByte(red);
      out[channel_step] = ToByte(green);
      out[2 * channel_step] = ToByte(blue);
    }
  }
}

// Down: one row of the view, of a few lines.
void Resampler::MakeRow(const std::uint8_t* first_line, const Axis::Tap& tap, const std::int16_t* weights) {
  const std::size_t length = columns_.taps.size() * 3;
  sums_.assign(length, 0);
  for (int i = 0; i < tap.count; ++i) {
    const std::uint8_t* line = first_line + static_cast<std::size_t>(i) * length;
    const std::int32_t weight = weights[i];
    for (std::size_t x = 0; x < length; ++x) sums_[x] += weight * line[x];
  }
}

}  // namespace resnet
