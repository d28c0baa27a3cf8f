// SPDX-License-Identifier: Apache-2.0
// Image files of every kind, made by libjpeg's and libpng's own encoders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edl::test {

// 8 bits a channel, no gaps between rows.
struct Samples {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<std::uint8_t> values;
};

// Smooth, in every channel differently: what JPEG keeps well. `tint` makes pictures that differ.
Samples SmoothPicture(int width, int height, int tint = 0);

enum class JpegKind {
  kYcc,          // 3 channels, colour at half the resolution, as cameras write it
  kProgressive,  // the same in scans that refine it
  kGray,         // 1 channel
  kCmyk,         // 4 channels, with Adobe's marker
  kYcck,         // the same, stored as YCCK
  kPlainCmyk,    // 4 channels, without the marker
  kManyScans,    // each coefficient of each channel in a scan of its own: 190 of them
};

std::string EncodeJpeg(const Samples& samples, JpegKind kind, int quality = 98);

enum class PngKind {
  kRgb,        // 3 channels
  kGray,       // 1 channel
  kRgba,       // 4 channels, the last one being the opacity
  kPalette,    // 1 channel: places in a palette that has {value, 255 - value, 7} at `value`
  kDeep,       // 3 channels; 16 bits each, of which the samples are the higher 8
  kInterlaced  // as kRgb
};

std::string EncodePng(const Samples& samples, PngKind kind);

}  // namespace edl::test
