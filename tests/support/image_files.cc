// SPDX-License-Identifier: Apache-2.0
#include "tests/support/image_files.h"

#include <png.h>

#include <cstddef>
#include <cstdio>  // jpeglib.h wants size_t and FILE
#include <cstdlib>

#include "jpeglib.h"

namespace edl::test {
namespace {

// All coefficients of all channels, one by one.
std::vector<jpeg_scan_info> OneScanACoefficient() {
  std::vector<jpeg_scan_info> scans = {{3, {0, 1, 2}, 0, 0, 0, 0}};
  for (int channel = 0; channel < 3; ++channel) {
    for (int coefficient = 1; coefficient < 64; ++coefficient) {
      scans.push_back({1, {channel}, coefficient, coefficient, 0, 0});
    }
  }
  return scans;
}

int PngColorType(PngKind kind) {
  switch (kind) {
    case PngKind::kGray:
      return PNG_COLOR_TYPE_GRAY;
    case PngKind::kRgba:
      return PNG_COLOR_TYPE_RGB_ALPHA;
    case PngKind::kPalette:
      return PNG_COLOR_TYPE_PALETTE;
    default:
      return PNG_COLOR_TYPE_RGB;
  }
}

void AppendTo(png_structp png, png_bytep data, png_size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), size);
}

void FlushNothing(png_structp) {}

void WritePalette(png_structp png, png_infop info) {
  std::vector<png_color> palette(256);
  for (int i = 0; i < 256; ++i) {
    palette[static_cast<std::size_t>(i)] = {static_cast<png_byte>(i), static_cast<png_byte>(255 - i), 7};
  }
  png_set_PLTE(png, info, palette.data(), 256);
}

}  // namespace

Samples SmoothPicture(int width, int height, int tint) {
  Samples picture{width, height, 3, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int across = 200 * x / width;
      const int down = 200 * y / height;
      for (const int value : {20 + across, 235 - down, 20 + (across + down) / 4 + tint % 130}) {
        picture.values.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return picture;
}

std::string EncodeJpeg(const Samples& samples, JpegKind kind, int quality) {
  const bool four = kind == JpegKind::kCmyk || kind == JpegKind::kYcck || kind == JpegKind::kPlainCmyk;
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);  // ends the test's process
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(samples.width);
  info.image_height = static_cast<JDIMENSION>(samples.height);
  info.input_components = samples.channels;
  info.in_color_space = kind == JpegKind::kGray ? JCS_GRAYSCALE : four ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&info);
  if (kind == JpegKind::kYcck) jpeg_set_colorspace(&info, JCS_YCCK);
  if (kind == JpegKind::kPlainCmyk) info.write_Adobe_marker = FALSE;
  if (kind == JpegKind::kProgressive) jpeg_simple_progression(&info);
  const std::vector<jpeg_scan_info> scans = OneScanACoefficient();
  if (kind == JpegKind::kManyScans) {
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  }
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  const auto stride = static_cast<std::size_t>(samples.width) * static_cast<std::size_t>(samples.channels);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(samples.values.data() + info.next_scanline * stride);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

std::string EncodePng(const Samples& samples, PngKind kind) {
  std::string file;
  // Without a place to jump to, an error ends the test's process.
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &file, AppendTo, FlushNothing);
  const bool deep = kind == PngKind::kDeep;
  png_set_IHDR(png, info, static_cast<png_uint_32>(samples.width), static_cast<png_uint_32>(samples.height),
               deep ? 16 : 8, PngColorType(kind), kind == PngKind::kInterlaced ? PNG_INTERLACE_ADAM7 : 0,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (kind == PngKind::kPalette) WritePalette(png, info);
  // The lower 8 bits repeat the higher ones, so that 65535 / 255 of a value is that value.
  std::vector<std::uint8_t> values;
  for (const std::uint8_t value : samples.values) values.insert(values.end(), deep ? 2 : 1, value);
  const std::size_t stride = values.size() / static_cast<std::size_t>(samples.height);
  std::vector<png_bytep> rows;
  for (int y = 0; y < samples.height; ++y) rows.push_back(values.data() + static_cast<std::size_t>(y) * stride);
  png_set_rows(png, info, rows.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

}  // namespace edl::test
