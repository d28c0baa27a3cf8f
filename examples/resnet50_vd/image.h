// SPDX-License-Identifier: Apache-2.0
// Image: decoded pixels, and the sizes and layouts that they come in.
#pragma once

#include <cstdint>
#include <vector>

namespace resnet {

struct ImageSize {
  int width = 0;
  int height = 0;
};

inline bool operator==(const ImageSize& a, const ImageSize& b) {
  return a.width == b.width && a.height == b.height;
}

// uint8 [height, width, 3], red first, no gaps between rows.
struct RgbImage {
  ImageSize size;
  std::vector<std::uint8_t> pixels;
};

// How a batch's images lie in memory: [rows, 3, height, width] or [rows, height, width, 3].
enum class Layout { kNchw, kNhwc };

}  // namespace resnet
