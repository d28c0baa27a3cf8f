// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/image_decoder.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "examples/resnet50_vd/jpeg.h"
#include "examples/resnet50_vd/png_file.h"

namespace resnet {
namespace {

using std::string_view_literals::operator""sv;

enum class Format { kJpeg, kPng, kOther };

bool StartsWith(std::string_view bytes, std::string_view magic) {
  return bytes.substr(0, magic.size()) == magic;
}

Format FormatOf(std::string_view bytes) {
  if (StartsWith(bytes, "\xff\xd8\xff"sv)) return Format::kJpeg;
  return StartsWith(bytes, "\x89PNG\r\n\x1a\n"sv) ? Format::kPng : Format::kOther;
}

// What people find in a folder of images beside JPEG and PNG.
std::string GuessKind(std::string_view bytes) {
  if (StartsWith(bytes, "GIF8"sv)) return "a GIF";
  if (StartsWith(bytes, "BM"sv)) return "a BMP";
  if (StartsWith(bytes, "RIFF"sv) && bytes.substr(0, 12).substr(8) == "WEBP"sv) return "a WebP";
  if (StartsWith(bytes, "II*\0"sv) || StartsWith(bytes, "MM\0*"sv)) return "a TIFF";
  if (StartsWith(bytes, "<"sv)) return "HTML or XML";
  if (StartsWith(bytes, "version https://git-lfs"sv)) return "a pointer of Git LFS";
  return "something else";
}

absl::Status OtherFormat(std::string_view bytes) {
  if (bytes.size() < 12) return absl::InvalidArgumentError(absl::StrCat("has ", bytes.size(), " bytes: no image"));
  return absl::InvalidArgumentError(
      absl::StrCat("is neither JPEG nor PNG, but ", GuessKind(bytes), "; expected one of them"));
}

absl::Status CheckSize(const ImageSize& size) {
  const std::int64_t pixels = std::int64_t{size.width} * size.height;
  if (pixels > 0 && pixels <= kMostPixels) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("is an image of ", size.width, " x ", size.height,
                                                 " pixels; expected at most ", kMostPixels, " in all"));
}

}  // namespace

absl::StatusOr<ImageSize> ReadImageSize(std::string_view bytes) {
  const Format format = FormatOf(bytes);
  if (format == Format::kOther) return OtherFormat(bytes);
  absl::StatusOr<ImageSize> size = format == Format::kJpeg ? ReadJpegSize(bytes) : ReadPngSize(bytes);
  if (!size.ok()) return size.status();
  const absl::Status fits = CheckSize(*size);
  if (!fits.ok()) return fits;
  return size;
}

absl::Status DecodeImage(std::string_view bytes, int reduction, RgbImage& image) {
  if (reduction != 1 && reduction != 2 && reduction != 4 && reduction != 8) {
    return absl::InvalidArgumentError(absl::StrCat("a reduction of ", reduction, "; expected 1, 2, 4 or 8"));
  }
  const absl::Status fits = ReadImageSize(bytes).status();
  if (!fits.ok()) return fits;
  return FormatOf(bytes) == Format::kJpeg ? DecodeJpeg(bytes, reduction, image) : DecodePng(bytes, image);
}

}  // namespace resnet
