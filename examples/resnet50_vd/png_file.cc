// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/png_file.h"

#include <png.h>

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

class PngReader {
 public:
  PngReader() { image_.version = PNG_IMAGE_VERSION; }
  ~PngReader() { png_image_free(&image_); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  bool ReadHeader(std::string_view bytes) {
    return png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()) != 0;
  }

  // Into RGB, or RGBA when the file has transparency, or the caller would get it mixed with a background.
  bool ReadRows(std::vector<std::uint8_t>& pixels) {
    image_.format = has_alpha() ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
    image_.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // else 16 bits that do not say otherwise are taken for linear light
    pixels.resize(PNG_IMAGE_SIZE(image_));
    return png_image_finish_read(&image_, nullptr, pixels.data(), 0, nullptr) != 0;
  }

  bool has_alpha() const { return (image_.format & PNG_FORMAT_FLAG_ALPHA) != 0; }
  ImageSize size() const { return {static_cast<int>(image_.width), static_cast<int>(image_.height)}; }
  absl::Status error() const {
    return absl::DataLossError(absl::StrCat("is a PNG that cannot be decoded: ", std::string(image_.message)));
  }

 private:
  png_image image_ = {};
};

// In place.
void DropAlpha(std::vector<std::uint8_t>& pixels) {
  const std::size_t count = pixels.size() / 4;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < 3; ++c) pixels[3 * i + c] = pixels[4 * i + c];
  }
  pixels.resize(count * 3);
}

}  // namespace

absl::StatusOr<ImageSize> ReadPngSize(std::string_view bytes) {
  PngReader reader;
  if (!reader.ReadHeader(bytes)) return reader.error();
  return reader.size();
}

absl::Status DecodePng(std::string_view bytes, RgbImage& image) {
  PngReader reader;
  if (!reader.ReadHeader(bytes) || !reader.ReadRows(image.pixels)) return reader.error();
  image.size = reader.size();
  if (reader.has_alpha()) DropAlpha(image.pixels);
  return absl::OkStatus();
}

}  // namespace resnet
