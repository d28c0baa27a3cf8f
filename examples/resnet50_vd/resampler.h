// SPDX-License-Identifier: Apache-2.0
// Resampler: makes a square view of a part of an image, straight into the batch that it belongs to.
// Rules: bilinear where the view is larger than the part; where it is smaller, the same triangle filter made as much
//        wider, so that every pixel counts and nothing aliases (as Pillow does). Near the part's edges the filter
//        sees the image around it. A part that already has the view's size is copied.
// Numbers: weights are whole numbers that add up to 1, so that a plain colour stays what it is; rounded twice.
// Thread-safety: one thread at a time; its memory is used again from view to view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "examples/resnet50_vd/crop.h"
#include "examples/resnet50_vd/image.h"

namespace resnet {

class Resampler {
 public:
  // `crop` is in pixels of `image`. `view`: side * side * 3 bytes.
  void Resample(const RgbImage& image, const Crop& crop, int side, Layout layout, std::uint8_t* view);

 private:
  // Which pixels of a row (or column) each pixel of the view is made of.
  struct Axis {
    struct Tap {
      int first = 0;  // pixel of the image
      int count = 0;
    };
    std::vector<Tap> taps;              // one a pixel of the view
    std::vector<std::int16_t> weights;  // `stride` of them a pixel of the view
    int stride = 0;

    void Set(double begin, double length, int image_length, int side);
    const std::int16_t* weights_of(std::size_t i) const {
      return weights.data() + i * static_cast<std::size_t>(stride);
    }
  };

  void MakeColumns(const RgbImage& image, int first_row, int rows, Layout layout, bool mirror);
  void MakeRow(const std::uint8_t* first_line, const Axis::Tap& tap, const std::int16_t* weights);

  Axis columns_;
  Axis rows_;
  std::vector<std::uint8_t> lines_;  // rows of the image, `side` wide; in kNchw each is its red, then green, then blue
  std::vector<std::int32_t> sums_;
};

}  // namespace resnet
