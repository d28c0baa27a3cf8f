// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/views.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "examples/fashion_mnist/dataset.h"
#include "examples/support/random.h"

namespace fashion_mnist {
namespace {

using edl_examples::RandomStream;
using edl_examples::Shuffle;

constexpr int kSide = static_cast<int>(kImageSide);
constexpr int kOne = 1 << 16;  // 1.0 in the 16.16 fixed point of source coordinates

// Tell the streams of one (seed, epoch) apart.
constexpr std::uint64_t kOrderStream = 0x4f52444552000000u;
constexpr std::uint64_t kViewStream = 0x5649455700000000u;

// Where one output row or column reads from: pixels `first` and `first + 1`, the second with weight `fraction` / 256.
struct Tap {
  int first;
  int fraction;
};

// Zooms about the middle of the axis by `step` source pixels (16.16) per output pixel, shifts, and may mirror.
std::array<Tap, kSide> MakeTaps(int step, int shift, bool mirror) {
  std::array<Tap, kSide> taps;
  for (int i = 0; i < kSide; ++i) {
    const int position = ((2 * i - (kSide - 1)) * step + (kSide - 1) * kOne) / 2 + shift * kOne;
    // Positions can be negative; keep the fraction's part non-negative by rounding down.
    const int first = (position + 4 * kSide * kOne) / kOne - 4 * kSide;
    taps[static_cast<std::size_t>(mirror ? kSide - 1 - i : i)] = {first, (position - first * kOne) >> 8};
  }
  return taps;
}

int PixelOrBlack(const std::uint8_t* image, int row, int column) {
  const bool inside = row >= 0 && row < kSide && column >= 0 && column < kSide;
  return inside ? image[row * kSide + column] : 0;
}

void Resample(const std::uint8_t* image, const std::array<Tap, kSide>& rows, const std::array<Tap, kSide>& columns,
              std::uint8_t* view) {
  for (const Tap& row : rows) {
    for (const Tap& column : columns) {
      const int top = PixelOrBlack(image, row.first, column.first) * (256 - column.fraction) +
                      PixelOrBlack(image, row.first, column.first + 1) * column.fraction;
      const int bottom = PixelOrBlack(image, row.first + 1, column.first) * (256 - column.fraction) +
                         PixelOrBlack(image, row.first + 1, column.first + 1) * column.fraction;
      const int sum = top * (256 - row.fraction) + bottom * row.fraction;
      *view++ = static_cast<std::uint8_t>((sum + kOne / 2) / kOne);
    }
  }
}

void CutOut(int centre_row, int centre_column, int side, std::uint8_t* view) {
  const int first_row = std::max(0, centre_row - side / 2);
  const int first_column = std::max(0, centre_column - side / 2);
  const int end_row = std::min(kSide, centre_row - side / 2 + side);
  const int end_column = std::min(kSide, centre_column - side / 2 + side);
  for (int row = first_row; row < end_row; ++row) {
    std::fill(view + row * kSide + first_column, view + row * kSide + end_column, std::uint8_t{0});
  }
}

void MakeView(const std::uint8_t* image, RandomStream random, const Augmentation& augmentation, std::uint8_t* view) {
  const auto draw = [&random](int low, int high) { return static_cast<int>(random.Between(low, high)); };
  // Every value is drawn whether or not it is used, so that switching one augmentation off leaves the others as they
  // were.
  const int row_shift = draw(-augmentation.max_shift, augmentation.max_shift);
  const int column_shift = draw(-augmentation.max_shift, augmentation.max_shift);
  const bool mirror = draw(0, 1) == 1 && augmentation.flip;
  const int zoom_range = augmentation.max_zoom_percent * kOne / 100;
  const int row_step = kOne + draw(-zoom_range, zoom_range);
  const int column_step = kOne + draw(-zoom_range, zoom_range);
  const int cutout_row = draw(0, kSide - 1);
  const int cutout_column = draw(0, kSide - 1);

  Resample(image, MakeTaps(row_step, row_shift, false), MakeTaps(column_step, column_shift, mirror), view);
  CutOut(cutout_row, cutout_column, augmentation.cutout_side, view);
}

}  // namespace

std::vector<std::int64_t> EpochOrder(std::int64_t count, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  RandomStream random({kOrderStream, seed, epoch});
  Shuffle(order, random);
  return order;
}

torch::Tensor MakeViews(const torch::Tensor& images, const std::vector<std::int64_t>& indices, std::uint64_t seed,
                        std::uint64_t epoch, const Augmentation& augmentation) {
  if (images.scalar_type() != torch::kUInt8 || !images.is_contiguous() || images.dim() != 4 || images.size(1) != 1 ||
      images.size(2) != kImageSide || images.size(3) != kImageSide) {
    throw std::invalid_argument("MakeViews: the images must be a contiguous uint8 tensor of shape [N, 1, 28, 28]");
  }
  constexpr std::int64_t kPixels = kImageSide * kImageSide;
  torch::Tensor views =
      torch::empty({static_cast<std::int64_t>(indices.size()), 1, kImageSide, kImageSide}, torch::kUInt8);
  const auto* source = images.data_ptr<std::uint8_t>();
  auto* destination = views.data_ptr<std::uint8_t>();
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= images.size(0)) {
      throw std::out_of_range("MakeViews: no image " + std::to_string(index) + " among " +
                              std::to_string(images.size(0)));
    }
    MakeView(source + index * kPixels, RandomStream({kViewStream, seed, epoch, static_cast<std::uint64_t>(index)}),
             augmentation, destination);
    destination += kPixels;
  }
  return views;
}

}  // namespace fashion_mnist
