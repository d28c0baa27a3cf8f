// SPDX-License-Identifier: Apache-2.0
// write_image_seeds FOLDER: as write_seeds, for the fuzz targets that read images and lists of them.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/image_files.h"

namespace edl::test {
namespace {

std::filesystem::path root;

void Write(const std::string& noun, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(root / noun);
  std::ofstream(root / noun / name, std::ios::binary) << bytes;
}

void WriteImage(const std::string& name, int reduction, const std::string& file) {
  Write("image_decoder", name, static_cast<char>(reduction) + std::string("\x07") + file);
}

Samples WithChannels(const Samples& rgb, int channels) {
  Samples samples{rgb.width, rgb.height, channels, {}};
  for (std::size_t i = 0; i < rgb.values.size(); i += 3) {
    for (int c = 0; c < channels; ++c) samples.values.push_back(rgb.values[i + static_cast<std::size_t>(c % 3)]);
  }
  return samples;
}

void WriteImages() {
  const Samples picture = SmoothPicture(21, 17);
  const Samples gray = WithChannels(picture, 1);
  const Samples four = WithChannels(picture, 4);
  const std::string jpeg = EncodeJpeg(picture, JpegKind::kYcc, 75);
  WriteImage("jpeg", 0, jpeg);
  WriteImage("jpeg_half", 1, jpeg);
  WriteImage("jpeg_eighth", 3, jpeg);
  WriteImage("jpeg_cut", 0, jpeg.substr(0, jpeg.size() - 40));
  WriteImage("jpeg_progressive", 0, EncodeJpeg(picture, JpegKind::kProgressive, 75));
  WriteImage("jpeg_gray", 2, EncodeJpeg(gray, JpegKind::kGray, 75));
  WriteImage("jpeg_cmyk", 0, EncodeJpeg(four, JpegKind::kCmyk, 75));
  WriteImage("jpeg_ycck", 1, EncodeJpeg(four, JpegKind::kYcck, 75));
  WriteImage("jpeg_plain_cmyk", 0, EncodeJpeg(four, JpegKind::kPlainCmyk, 75));
  const Samples small = SmoothPicture(7, 5);
  const std::string png = EncodePng(small, PngKind::kRgb);
  WriteImage("png", 0, png);
  WriteImage("png_cut", 0, png.substr(0, png.size() / 2));
  WriteImage("png_interlaced", 1, EncodePng(small, PngKind::kInterlaced));
  WriteImage("png_deep", 0, EncodePng(small, PngKind::kDeep));
  WriteImage("png_gray", 0, EncodePng(WithChannels(small, 1), PngKind::kGray));
  WriteImage("png_transparent", 0, EncodePng(WithChannels(small, 4), PngKind::kRgba));
  WriteImage("png_palette", 0, EncodePng(WithChannels(small, 1), PngKind::kPalette));
  WriteImage("text", 0, "<html>404</html>");
}

void WriteLists() {
  Write("image_list", "plain", "train/n01440764/a.JPEG 0\ntrain/n01443537/b.JPEG 1\n");
  Write("image_list", "from_windows",
        "\xef\xbb\xbf"
        "a b.jpg 3\r\n\r\nc.png\t2 \r\n");
  Write("image_list", "no_label", "a.jpg\n");
  Write("image_list", "no_number", "a.jpg 1\nb.jpg one\n");
  Write("image_list", "out_of_range", "a.jpg 10000000\n");
  Write("image_list", "zero_byte", std::string("a\0b 1\n", 6));
}

}  // namespace
}  // namespace edl::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "write_image_seeds FOLDER\n");
    return 2;
  }
  edl::test::root = argv[1];
  edl::test::WriteImages();
  edl::test::WriteLists();
  return 0;
}
