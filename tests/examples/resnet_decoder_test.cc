// SPDX-License-Identifier: Apache-2.0
// What a data set of ImageNet's kind has in its files, and what must become of it.
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "examples/resnet50_vd/image_decoder.h"
#include "gmock/gmock.h"
#include "tests/support/image_files.h"

namespace resnet {
namespace {

using edl::test::EncodeJpeg;
using edl::test::EncodePng;
using edl::test::JpegKind;
using edl::test::PngKind;
using edl::test::Samples;
using edl::test::SmoothPicture;
using ::testing::HasSubstr;

RgbImage Decode(const std::string& file, int reduction = 1) {
  RgbImage image;
  const absl::Status status = DecodeImage(file, reduction, image);
  EXPECT_TRUE(status.ok()) << status;
  return image;
}

absl::Status DecodeError(const std::string& file) {
  RgbImage image;
  return DecodeImage(file, 1, image);
}

double MeanDifference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  EXPECT_EQ(a.size(), b.size());
  if (a.size() != b.size() || a.empty()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

// One channel of three.
std::vector<std::uint8_t> Channel(const std::vector<std::uint8_t>& rgb, std::size_t channel) {
  std::vector<std::uint8_t> values;
  for (std::size_t i = channel; i < rgb.size(); i += 3) values.push_back(rgb[i]);
  return values;
}

// Each value of `gray` three times.
std::vector<std::uint8_t> Tripled(const std::vector<std::uint8_t>& gray) {
  std::vector<std::uint8_t> rgb;
  for (const std::uint8_t value : gray) rgb.insert(rgb.end(), 3, value);
  return rgb;
}

// RGB as inks without black: 255 minus them when `inverted` (as Adobe stores them), with 255 minus no black.
Samples AsCmyk(const Samples& rgb, bool inverted) {
  Samples cmyk{rgb.width, rgb.height, 4, {}};
  const int flip = inverted ? 0 : 255;
  for (std::size_t i = 0; i < rgb.values.size(); ++i) {
    cmyk.values.push_back(static_cast<std::uint8_t>(rgb.values[i] ^ flip));
    if (i % 3 == 2) cmyk.values.push_back(static_cast<std::uint8_t>(255 ^ flip));
  }
  return cmyk;
}

TEST(ImageDecoder, GivesAJpegsPictureWhateverItsSize) {
  for (const auto& [width, height] : {std::pair(64, 48), std::pair(37, 53), std::pair(8, 200)}) {
    const Samples picture = SmoothPicture(width, height);
    for (const JpegKind kind : {JpegKind::kYcc, JpegKind::kProgressive}) {
      const RgbImage image = Decode(EncodeJpeg(picture, kind));
      EXPECT_EQ(image.size, (ImageSize{width, height}));
      EXPECT_LT(MeanDifference(image.pixels, picture.values), 2.5) << width << " x " << height;
    }
  }
}

TEST(ImageDecoder, SaysTheSizeWithoutDecoding) {
  const std::string jpeg = EncodeJpeg(SmoothPicture(70, 40), JpegKind::kYcc);
  EXPECT_EQ(ReadImageSize(jpeg.substr(0, jpeg.size() / 2)).value(), (ImageSize{70, 40}));
  EXPECT_EQ(ReadImageSize(EncodePng(SmoothPicture(7, 4), PngKind::kRgb)).value(), (ImageSize{7, 4}));
}

TEST(ImageDecoder, MakesRgbOfAGrayJpeg) {
  const Samples gray{40, 30, 1, Channel(SmoothPicture(40, 30).values, 0)};
  EXPECT_LT(MeanDifference(Decode(EncodeJpeg(gray, JpegKind::kGray)).pixels, Tripled(gray.values)), 1);
}

TEST(ImageDecoder, MakesRgbOfCmykAndYcckStoredInvertedAsAdobeDoes) {
  const Samples picture = SmoothPicture(40, 30);
  const Samples cmyk = AsCmyk(picture, true);
  EXPECT_LT(MeanDifference(Decode(EncodeJpeg(cmyk, JpegKind::kCmyk)).pixels, picture.values), 1);
  EXPECT_LT(MeanDifference(Decode(EncodeJpeg(cmyk, JpegKind::kYcck)).pixels, picture.values), 2.5);
}

TEST(ImageDecoder, MakesRgbOfCmykThatIsNotInverted) {
  const Samples picture = SmoothPicture(40, 30);
  const RgbImage image = Decode(EncodeJpeg(AsCmyk(picture, false), JpegKind::kPlainCmyk));
  EXPECT_LT(MeanDifference(image.pixels, picture.values), 1);
}

TEST(ImageDecoder, BlackInkDarkensTheOtherInks) {
  Samples cmyk{16, 16, 4, {}};  // as Adobe stores them: no cyan, half magenta, all yellow, half black
  for (int i = 0; i < 16 * 16; ++i) cmyk.values.insert(cmyk.values.end(), {255, 128, 0, 128});
  const RgbImage image = Decode(EncodeJpeg(cmyk, JpegKind::kCmyk));
  EXPECT_NEAR(image.pixels[0], 128, 2);
  EXPECT_NEAR(image.pixels[1], 64, 2);
  EXPECT_NEAR(image.pixels[2], 0, 2);
}

TEST(ImageDecoder, GivesAPngsPictureExactly) {
  const Samples picture = SmoothPicture(41, 30);
  EXPECT_EQ(Decode(EncodePng(picture, PngKind::kRgb)).pixels, picture.values);
  EXPECT_EQ(Decode(EncodePng(picture, PngKind::kInterlaced)).pixels, picture.values);
  EXPECT_EQ(Decode(EncodePng(picture, PngKind::kRgb), 4).pixels, picture.values) << "a PNG is not reduced";
  const Samples gray{41, 30, 1, Channel(picture.values, 1)};
  EXPECT_EQ(Decode(EncodePng(gray, PngKind::kGray)).pixels, Tripled(gray.values));
}

TEST(ImageDecoder, MakesRgbOfAPalette) {
  const RgbImage image = Decode(EncodePng({3, 1, 1, {0, 100, 255}}, PngKind::kPalette));
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 255, 7, 100, 155, 7, 255, 0, 7}));
}

TEST(ImageDecoder, MakesEightBitsOfSixteen) {
  const Samples picture = SmoothPicture(41, 30);
  const RgbImage image = Decode(EncodePng(picture, PngKind::kDeep));
  EXPECT_LE(MeanDifference(image.pixels, picture.values), 0.5);
}

TEST(ImageDecoder, DropsTransparencyAndKeepsTheColour) {
  const RgbImage image = Decode(EncodePng({2, 1, 4, {10, 20, 30, 255, 200, 100, 50, 128}}, PngKind::kRgba));
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{10, 20, 30, 200, 100, 50}));
}

TEST(ImageDecoder, ReducesAJpegAsAveragingWould) {
  const Samples picture = SmoothPicture(203, 150);
  const std::string file = EncodeJpeg(picture, JpegKind::kYcc);
  const RgbImage full = Decode(file);
  for (const int reduction : {2, 4, 8}) {
    const RgbImage reduced = Decode(file, reduction);
    const auto up = [&](int side) { return (side + reduction - 1) / reduction; };
    ASSERT_EQ(reduced.size, (ImageSize{up(203), up(150)}));
    std::vector<std::uint8_t> averages, inner;
    for (int y = 0; y < 150 / reduction; ++y) {
      for (int x = 0; x < 203 / reduction; ++x) {
        for (int c = 0; c < 3; ++c) {
          int sum = 0;
          for (int i = 0; i < reduction * reduction; ++i) {
            const int row = y * reduction + i / reduction;
            const int column = x * reduction + i % reduction;
            sum += full.pixels[static_cast<std::size_t>((row * 203 + column) * 3 + c)];
          }
          averages.push_back(static_cast<std::uint8_t>(sum / (reduction * reduction)));
          inner.push_back(reduced.pixels[static_cast<std::size_t>((y * reduced.size.width + x) * 3 + c)]);
        }
      }
    }
    EXPECT_LT(MeanDifference(averages, inner), 2) << "1 / " << reduction;
  }
  EXPECT_EQ(DecodeError(file).code(), absl::StatusCode::kOk);
  RgbImage image;
  EXPECT_THAT(std::string(DecodeImage(file, 3, image).message()), HasSubstr("expected 1, 2, 4 or 8"));
}

TEST(ImageDecoder, UsesTheImagesMemoryAgain) {
  RgbImage image = Decode(EncodeJpeg(SmoothPicture(64, 64), JpegKind::kYcc));
  const std::uint8_t* memory = image.pixels.data();
  ASSERT_TRUE(DecodeImage(EncodeJpeg(SmoothPicture(20, 10), JpegKind::kYcc), 1, image).ok());
  EXPECT_EQ(image.pixels.data(), memory);
  EXPECT_EQ(image.pixels.size(), 20U * 10 * 3);
}

TEST(ImageDecoder, FindsAJpegThatIsCutAnywhere) {
  for (const JpegKind kind : {JpegKind::kYcc, JpegKind::kProgressive, JpegKind::kGray}) {
    const int channels = kind == JpegKind::kGray ? 1 : 3;
    Samples picture = SmoothPicture(48, 40);
    if (channels == 1) picture = {48, 40, 1, Channel(picture.values, 0)};
    const std::string file = EncodeJpeg(picture, kind, 80);
    for (std::size_t size = 0; size < file.size(); ++size) {
      const absl::Status status = DecodeError(file.substr(0, size));
      ASSERT_FALSE(status.ok()) << size << " of " << file.size() << " bytes";
      ASSERT_EQ(status.code(), size < 3 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kDataLoss) << status;
    }
    EXPECT_THAT(std::string(DecodeError(file.substr(0, file.size() / 2)).message()), HasSubstr("remature end"));
  }
}

TEST(ImageDecoder, FindsAPngThatIsCutOrDamaged) {
  std::string file = EncodePng(SmoothPicture(48, 40), PngKind::kRgb);
  for (std::size_t size = 8; size < file.size() - 32; ++size) {  // behind that are checksums, and the end's mark
    ASSERT_EQ(DecodeError(file.substr(0, size)).code(), absl::StatusCode::kDataLoss) << size << " of " << file.size();
  }
  file[file.size() / 2] ^= 1;
  EXPECT_THAT(std::string(DecodeError(file).message()), HasSubstr("is a PNG that cannot be decoded: "));
}

TEST(ImageDecoder, ForgivesAJpegBytesThatStandForNothing) {
  std::string file = EncodeJpeg(SmoothPicture(48, 40), JpegKind::kYcc);
  file.insert(file.size() - 2, "extra");
  EXPECT_EQ(Decode(file).size, (ImageSize{48, 40}));
  EXPECT_EQ(Decode(file + "and more behind its end").size, (ImageSize{48, 40}));
}

TEST(ImageDecoder, SaysWhatAFileIsThatIsNoImage) {
  for (const auto& [bytes, guess] : std::vector<std::pair<std::string, std::string>>{
           {"", "has 0 bytes"},
           {"short", "has 5 bytes"},
           {"GIF89a and then the rest of it", "a GIF"},
           {std::string("RIFF\0\0\0\0WEBPVP8 ", 16), "a WebP"},
           {"BM and then the rest of it", "a BMP"},
           {std::string("II*\0 and then the rest", 22), "a TIFF"},
           {"<html><body>404 Not Found</body></html>", "HTML"},
           {"version https://git-lfs.github.com/spec/v1", "Git LFS"},
           {"something else altogether", "neither JPEG nor PNG"},
       }) {
    const absl::Status status = DecodeError(bytes);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(guess));
  }
}

TEST(ImageDecoder, RefusesASmallFileThatClaimsToBeAHugeImage) {
  std::string jpeg = EncodeJpeg(SmoothPicture(48, 40), JpegKind::kYcc);
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\xff\x00\xff\x00", 4);  // height and width: 65280
  EXPECT_EQ(DecodeError(jpeg).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(DecodeError(jpeg).message()), HasSubstr("65280 x 65280 pixels; expected at most 67108864"));
}

TEST(ImageDecoder, RefusesAJpegOfMoreScansThanAnyoneWrites) {
  const std::string file = EncodeJpeg(SmoothPicture(48, 40), JpegKind::kManyScans);
  EXPECT_THAT(std::string(DecodeError(file).message()), HasSubstr("more than 100 scans"));
}

TEST(ImageDecoder, PrintsNothing) {
  const std::string jpeg = EncodeJpeg(SmoothPicture(48, 40), JpegKind::kYcc);
  const std::string png = EncodePng(SmoothPicture(48, 40), PngKind::kRgb);
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  for (const std::string& file : {jpeg, png}) EXPECT_FALSE(DecodeError(file.substr(0, file.size() / 2)).ok());
  EXPECT_TRUE(DecodeError(std::string(jpeg).insert(jpeg.size() - 2, "extra")).ok());
  EXPECT_EQ(::testing::internal::GetCapturedStderr() + ::testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace resnet
