// SPDX-License-Identifier: Apache-2.0
// ImageDecoder: the bytes of a JPEG or PNG file as 8-bit RGB.
// Place: takes a file's bytes from ReadFile, gives pixels to the Resampler. The format is told by the bytes, not by the
//        file's name: ImageNet's n02105855_2933.JPEG is a PNG.
// Colours: grayscale, palettes, CMYK and YCCK (stored inverted, as Adobe does, or not) and 16 bits a channel become
//          8-bit RGB; transparency is dropped, and no EXIF orientation is applied: as Pillow's convert("RGB") does.
// Errors: INVALID_ARGUMENT - neither JPEG nor PNG, or more pixels than kMostPixels; DATA_LOSS - truncated, damaged, or
//         of a kind that libjpeg or libpng does not know. Nothing is printed, and no message names the file.
// Thread-safety: any thread, each with an image of its own.
// Source: ITU-T T.81 (JPEG); W3C PNG, third edition; libjpeg.txt, "Error handling".
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/resnet50_vd/image.h"

namespace resnet {

// Against small files that claim to be huge images: with one, a decoding thread takes some 600 MB for a moment.
inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;

// What the header says.
absl::StatusOr<ImageSize> ReadImageSize(std::string_view bytes);

// Decodes 1 pixel of each `reduction` x `reduction` (1, 2, 4 or 8), which the JPEG's DCT gives almost for free and well
// filtered: the image is then 1 / reduction of its size, rounded up. A PNG always comes out in full size.
// `image` is overwritten; its memory is used again from file to file.
absl::Status DecodeImage(std::string_view bytes, int reduction, RgbImage& image);

}  // namespace resnet
