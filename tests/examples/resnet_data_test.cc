// SPDX-License-Identifier: Apache-2.0
// Which images there are, in which order they come, and what is made of each.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "examples/resnet50_vd/crop.h"
#include "examples/resnet50_vd/epoch_order.h"
#include "examples/resnet50_vd/image_decoder.h"
#include "examples/resnet50_vd/image_list.h"
#include "examples/resnet50_vd/mixup.h"
#include "examples/resnet50_vd/resampler.h"
#include "examples/resnet50_vd/view_maker.h"
#include "gmock/gmock.h"
#include "tests/support/image_files.h"
#include "tests/support/scratch_folder.h"

namespace resnet {
namespace {

using edl::test::ScratchFolder;
using edl_examples::RandomStream;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Described(const ImageList& list) {
  std::vector<std::string> images;
  for (const ListedImage& image : list.images) images.push_back(image.path + " " + std::to_string(image.label));
  return images;
}

std::string Complaint(const absl::StatusOr<ImageList>& list) {
  return std::string(list.status().message());
}

TEST(ImageList, ReadsLinesAsEditorsAndSystemsLeaveThem) {
  const ImageList list =
      ParseListFile("\xef\xbb\xbftrain/a b.JPEG 3\r\n\n  \ntrain/c.png\t0 \n/elsewhere/d.jpg 7", "list", "/data")
          .value();
  EXPECT_THAT(Described(list), ElementsAre("train/a b.JPEG 3", "train/c.png 0", "/elsewhere/d.jpg 7"));
  EXPECT_EQ(list.class_count, 8);
  EXPECT_EQ(list.PathOf(1), "/data/train/c.png");
  EXPECT_EQ(list.PathOf(2), "/elsewhere/d.jpg");
}

TEST(ImageList, NamesTheLineThatIsNone) {
  const auto complaint = [](const std::string& text) { return Complaint(ParseListFile(text, "list", "")); };
  EXPECT_THAT(complaint("a 1\nb.jpg\n"), HasSubstr("list:2: 'b.jpg' is one word; expected 'path label'"));
  EXPECT_THAT(complaint("a 1\n\nb.jpg -1\n"), HasSubstr("list:3: 'b.jpg -1' does not end in a label"));
  EXPECT_THAT(complaint("b.jpg 1.5\n"), HasSubstr("list:1: 'b.jpg 1.5' does not end in a label"));
  EXPECT_THAT(complaint("b.jpg 99999999999999999999\n"), HasSubstr("does not end in a label"));
  EXPECT_THAT(complaint("b.jpg 10000000\n"), HasSubstr("has a label out of range; expected"));
  EXPECT_THAT(complaint(std::string("b\0.jpg 1\n", 9)), HasSubstr("no plain text"));
  EXPECT_THAT(complaint("\n \n"), HasSubstr("list: no images"));
  EXPECT_LT(complaint(std::string(100'000, 'x')).size(), 300U);
}

TEST(ImageList, IsFoundAsAListFileOrElseAsClassFolders) {
  const ScratchFolder data;
  EXPECT_THAT(Complaint(FindImages(data.path(), Part::kTrain)), HasSubstr("neither train_list.txt (lines"));
  for (const char* name : {"train/dog/b.JPEG", "train/dog/a.jpg", "train/cat/deeper/c.PNG", "train/cat/.hidden.jpg",
                           "train/cat/notes.txt", "train/.cache/x.jpg", "train/no_class.jpg", "val/cat/v.jpeg"}) {
    data.Write(name, "");
  }
  const ImageList folders = FindImages(data.path(), Part::kTrain).value();
  EXPECT_THAT(Described(folders), ElementsAre("cat/deeper/c.PNG 0", "dog/a.jpg 1", "dog/b.JPEG 1"));
  EXPECT_THAT(folders.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(folders.class_count, 2);
  EXPECT_EQ(folders.PathOf(0), (data.path() / "train/cat/deeper/c.PNG").string());

  data.Write("train_list.txt", "train/dog/a.jpg 5\n");
  EXPECT_THAT(Described(FindImages(data.path(), Part::kTrain).value()), ElementsAre("train/dog/a.jpg 5"));
  EXPECT_THAT(Described(FindImages(data.path(), Part::kValidation).value()), ElementsAre("cat/v.jpeg 0"));
}

TEST(ImageList, SaysWhatIsWrongWithAFolder) {
  const ScratchFolder data;
  data.Write("flat/a.jpg", "");
  EXPECT_THAT(Complaint(ReadClassFolders(data.path() / "flat")),
              HasSubstr("flat: no images; expected a folder a class"));
  EXPECT_THAT(Complaint(ReadClassFolders(data.path() / "none")), HasSubstr("none: cannot be listed: No such file"));
  EXPECT_THAT(Complaint(ReadListFile(data.path() / "none", "")), HasSubstr("none: cannot be opened: No such file"));
  EXPECT_THAT(Complaint(ReadListFile(data.path(), "")), HasSubstr("is a folder; expected a file"));
  std::filesystem::create_directory_symlink(".", data.path() / "circle");
  EXPECT_THAT(Complaint(ReadClassFolders(data.path())), HasSubstr("cannot be listed: Too many levels"));
}

TEST(ImageList, ALabelHasToMeanTheSameInTrainingAndValidation) {
  ImageList training, validation;
  training.class_names = {"cat", "dog", "emu"};
  validation.class_names = {"cat", "emu"};
  training.class_count = 3;
  validation.class_count = 2;
  EXPECT_THAT(std::string(CheckSameClasses(training, validation).message()),
              HasSubstr("class 1 is 'dog' to train on and 'emu' to validate on"));
  validation.class_names = {"cat", "dog"};
  EXPECT_TRUE(CheckSameClasses(training, validation).ok());
  validation.class_names.clear();
  validation.class_count = 4;
  EXPECT_THAT(std::string(CheckSameClasses(training, validation).message()),
              HasSubstr("3 classes to train on, but 4 to validate on"));
}

TEST(EpochOrder, FollowsSeedAndEpoch) {
  const auto order = ShuffledOrder(1000, 1, 2);
  EXPECT_THAT(order, ::testing::UnorderedElementsAreArray(ListOrder(1000)));
  EXPECT_EQ(order, ShuffledOrder(1000, 1, 2));
  EXPECT_NE(order, ShuffledOrder(1000, 1, 3));
  EXPECT_NE(order, ShuffledOrder(1000, 2, 2));
}

TEST(EpochOrder, SharesHaveTheSameSizeAndCoverTheEpoch) {
  for (const std::int64_t count : {1, 7, 24, 25}) {
    for (const std::int64_t world : {1, 2, 3, 8}) {
      const auto order = ShuffledOrder(count, 1, 1);
      std::multiset<std::int64_t> kept, dropped;
      for (std::int64_t rank = 0; rank < world; ++rank) {
        const auto keeps = ShareOf(order, rank, world, Remainder::kKeep);
        const auto drops = ShareOf(order, rank, world, Remainder::kDrop);
        EXPECT_EQ(static_cast<std::int64_t>(keeps.size()), ShareSize(count, world, Remainder::kKeep));
        EXPECT_EQ(static_cast<std::int64_t>(drops.size()), count / world);
        kept.insert(keeps.begin(), keeps.end());
        dropped.insert(drops.begin(), drops.end());
      }
      EXPECT_EQ(std::set<std::int64_t>(kept.begin(), kept.end()).size(), order.size()) << "every image";
      EXPECT_EQ(static_cast<std::int64_t>(kept.size()), (count + world - 1) / world * world);
      EXPECT_EQ(std::set<std::int64_t>(dropped.begin(), dropped.end()).size(), dropped.size()) << "none twice";
      EXPECT_EQ(static_cast<std::int64_t>(dropped.size()), count / world * world);
    }
  }
}

bool IsInside(const Crop& crop, const ImageSize& size) {
  return crop.left >= 0 && crop.top >= 0 && crop.width > 0 && crop.height > 0 && crop.left + crop.width <= size.width &&
         crop.top + crop.height <= size.height;
}

TEST(Crop, IsAnywhereOfAnyFairSizeAndHalfTheTimeMirrored) {
  const ImageSize size{500, 375};
  RandomStream random({1});
  constexpr int kDraws = 4000;
  double area = 0, least = 1, most = 0, left = 0, rightmost = 0;
  int mirrored = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Crop crop = RandomCrop(size, random);
    ASSERT_TRUE(IsInside(crop, size));
    ASSERT_GT(crop.width / crop.height, 0.74);
    ASSERT_LT(crop.width / crop.height, 1.35);
    const double share = crop.width * crop.height / (500.0 * 375.0);
    area += share / kDraws;
    least = std::min(least, share);
    most = std::max(most, share);
    left += crop.left / std::max(1.0, size.width - crop.width) / kDraws;
    rightmost = std::max(rightmost, crop.left + crop.width);
    mirrored += crop.mirror ? 1 : 0;
  }
  // Uniform from 8 % to 100 %, but what does not fit is drawn again: by integration, 0.432 is left of a mean of 0.54.
  EXPECT_NEAR(area, 0.432, 0.015);
  EXPECT_NEAR(least, 0.08, 0.01);
  EXPECT_GT(most, 0.95);
  EXPECT_NEAR(left, 0.5, 0.03);
  EXPECT_EQ(rightmost, 500);
  EXPECT_NEAR(mirrored, kDraws / 2, 150);
}

TEST(Crop, FitsIntoImagesOfAnyShape) {
  RandomStream random({2});
  for (const ImageSize& size : {ImageSize{1, 1}, ImageSize{1, 1000}, ImageSize{3000, 2}, ImageSize{7, 5}}) {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(IsInside(RandomCrop(size, random), size)) << size.width;
    ASSERT_TRUE(IsInside(CentreCrop(size), size));
  }
  const Crop narrow = RandomCrop({3000, 100}, random);  // every crop that is drawn is higher than that
  EXPECT_EQ(narrow.height, 100);
  EXPECT_NEAR(narrow.width, 133.3, 0.1);
}

TEST(Crop, ForValidationIsTheMiddle) {
  const Crop crop = CentreCrop({512, 256});
  EXPECT_EQ(crop.width, 224);
  EXPECT_EQ(crop.height, 224);
  EXPECT_EQ(crop.left, 144);
  EXPECT_EQ(crop.top, 16);
  EXPECT_FALSE(crop.mirror);
}

TEST(Crop, IsReducedAsFarAsItKeepsTheViewsPixels) {
  for (const auto& [side, reduction] : {std::pair(100, 1), std::pair(447, 1), std::pair(448, 2), std::pair(895, 2),
                                        std::pair(896, 4), std::pair(1792, 8), std::pair(9000, 8)}) {
    EXPECT_EQ(ReductionFor({0, 0, static_cast<double>(side), side + 5.0, false}, 224), reduction) << side;
  }
}

RgbImage SmoothImage(int width, int height) {
  return {{width, height}, edl::test::SmoothPicture(width, height).values};
}

std::vector<std::uint8_t> Resampled(const RgbImage& image, const Crop& crop, int side, Layout layout) {
  std::vector<std::uint8_t> view(static_cast<std::size_t>(side * side * 3));
  Resampler().Resample(image, crop, side, layout, view.data());
  return view;
}

TEST(Resampler, CopiesAPartThatHasTheViewsSize) {
  const RgbImage image = SmoothImage(20, 16);
  const auto pixel = [&](int y, int x, int c) { return image.pixels[static_cast<std::size_t>((y * 20 + x) * 3 + c)]; };
  const auto plain = Resampled(image, {5, 3, 8, 8, false}, 8, Layout::kNhwc);
  const auto planes = Resampled(image, {5, 3, 8, 8, false}, 8, Layout::kNchw);
  const auto mirrored = Resampled(image, {5, 3, 8, 8, true}, 8, Layout::kNhwc);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      for (int c = 0; c < 3; ++c) {
        ASSERT_EQ(plain[static_cast<std::size_t>((y * 8 + x) * 3 + c)], pixel(3 + y, 5 + x, c));
        ASSERT_EQ(planes[static_cast<std::size_t>((c * 8 + y) * 8 + x)], pixel(3 + y, 5 + x, c));
        ASSERT_EQ(mirrored[static_cast<std::size_t>((y * 8 + x) * 3 + c)], pixel(3 + y, 5 + 7 - x, c));
      }
    }
  }
}

TEST(Resampler, KeepsAPlainColourAtAnyScale) {
  RandomStream random({3});
  RgbImage image{{300, 200}, {}};
  for (int i = 0; i < 300 * 200; ++i) image.pixels.insert(image.pixels.end(), {255, 77, 1});
  for (int i = 0; i < 100; ++i) {
    const Crop crop = RandomCrop(image.size, random);
    const int side = static_cast<int>(random.Between(1, 250));
    const auto view = Resampled(image, crop, side, Layout::kNchw);
    const auto plane = static_cast<std::ptrdiff_t>(side) * side;
    ASSERT_EQ(std::count(view.begin(), view.begin() + plane, 255), plane) << side;
    ASSERT_EQ(std::count(view.begin() + plane, view.begin() + 2 * plane, 77), plane) << side;
    ASSERT_EQ(std::count(view.begin() + 2 * plane, view.end(), 1), plane) << side;
  }
}

// A filter of fixed width would pick single pixels, and make black, white or wide stripes of these.
TEST(Resampler, MakesGrayOfStripesThatAreTooFineForTheView) {
  RgbImage image{{200, 200}, {}};
  for (int y = 0; y < 200; ++y) {
    for (int x = 0; x < 200; ++x) image.pixels.insert(image.pixels.end(), 3, (x + y) % 2 == 0 ? 255 : 0);
  }
  for (const std::uint8_t value : Resampled(image, {10, 10, 180, 171, false}, 40, Layout::kNhwc)) {
    ASSERT_NEAR(value, 127.5, 4);
  }
}

TEST(Resampler, KeepsASlopeAtAnyScale) {
  RgbImage image{{200, 100}, {}};
  for (int i = 0; i < 200 * 100; ++i) image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(i % 200));
  for (const int side : {17, 50, 80, 224}) {
    const auto view = Resampled(image, {40, 10, 120, 80, false}, side, Layout::kNhwc);
    for (int x = 0; x < side; ++x) {
      const double expected = 40 + (x + 0.5) * 120 / side - 0.5;
      ASSERT_NEAR(view[static_cast<std::size_t>((side / 2 * side + x) * 3)], expected, 1) << x << " of " << side;
    }
  }
}

double MeanDifference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]) / static_cast<double>(a.size());
  return sum;
}

TEST(ViewMaker, ReducesWhatItDecodesAndShowsTheSameAllTheSame) {
  const ScratchFolder folder;
  folder.Write("big.jpg", EncodeJpeg(edl::test::SmoothPicture(900, 1203), edl::test::JpegKind::kYcc, 90));
  const std::string path = (folder.path() / "big.jpg").string();
  std::vector<std::uint8_t> view(64 * 64 * 3);
  ViewMaker maker({64, Layout::kNhwc, Augmentation::kCentreCrop});
  ASSERT_TRUE(maker.Make(path, {}, view.data()).ok());
  const RgbImage full = SmoothImage(900, 1203);
  EXPECT_EQ(ReductionFor(CentreCrop(full.size), 64), 8);
  EXPECT_LT(MeanDifference(view, Resampled(full, CentreCrop(full.size), 64, Layout::kNhwc)), 1.5);
}

TEST(ViewMaker, DrawsAViewBySeedEpochAndIndexAndByNothingElse) {
  const ScratchFolder folder;
  folder.Write("a.png", EncodePng(edl::test::SmoothPicture(90, 70), edl::test::PngKind::kRgb));
  const std::string path = (folder.path() / "a.png").string();
  ViewMaker maker({32, Layout::kNchw, Augmentation::kRandomCropAndFlip});
  const auto view = [&](const ViewKey& key) {
    std::vector<std::uint8_t> bytes(32 * 32 * 3);
    EXPECT_TRUE(maker.Make(path, key, bytes.data()).ok());
    return bytes;
  };
  const auto first = view({1, 2, 3});
  EXPECT_NE(view({2, 2, 3}), first);
  EXPECT_NE(view({1, 3, 3}), first);
  EXPECT_NE(view({1, 2, 4}), first);
  EXPECT_EQ(view({1, 2, 3}), first);
}

TEST(Mixup, DrawsItsShareFromABetaDistribution) {
  for (const double alpha : {0.05, 0.2, 1.0, 4.0}) {
    RandomStream random({4});
    constexpr int kDraws = 20'000;
    double mean = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const double share = DrawBeta(alpha, random);
      ASSERT_TRUE(share >= 0 && share <= 1);
      mean += share / kDraws;
      squares += (share - 0.5) * (share - 0.5) / kDraws;
    }
    EXPECT_NEAR(mean, 0.5, 0.015) << alpha;
    EXPECT_NEAR(squares, 1 / (4 * (2 * alpha + 1)), 0.01) << alpha;
  }
}

TEST(Mixup, PairsEachImageOfABatchWithOneOfThem) {
  RandomStream random({5});
  const Mix mix = DrawMix(64, 0.2, random);
  EXPECT_THAT(mix.partner, ::testing::UnorderedElementsAreArray(ListOrder(64)));
  EXPECT_NE(mix.partner, ListOrder(64));
  EXPECT_EQ(mix.weight(), static_cast<float>(mix.share) / 256);
}

// In place, whatever the permutation's cycles are.
TEST(Mixup, BlendsWhatTheImagesWereBefore) {
  RandomStream random({6});
  for (int round = 0; round < 50; ++round) {
    Mix mix = DrawMix(1 + round % 9, 1.0, random);
    if (round == 0) mix.share = Mix::kWhole;
    constexpr std::size_t kBytes = 33;
    std::vector<std::uint8_t> images(mix.partner.size() * kBytes);
    for (std::uint8_t& byte : images) byte = static_cast<std::uint8_t>(random.Between(0, 255));
    const auto before = images;
    Blend(mix, kBytes, images.data());
    for (std::size_t i = 0; i < images.size(); ++i) {
      const std::size_t other = static_cast<std::size_t>(mix.partner[i / kBytes]) * kBytes + i % kBytes;
      const double exact = before[i] * double{mix.weight()} + before[other] * (1 - double{mix.weight()});
      ASSERT_EQ(images[i], std::floor(exact + 0.5)) << round;
    }
  }
}

}  // namespace
}  // namespace resnet
