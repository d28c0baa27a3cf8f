// SPDX-License-Identifier: Apache-2.0
// The loader's promises: what an epoch holds, whatever the threads do and whatever the files are.
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "edl/distill_reader.h"
#include "edl/shared_arena.h"
#include "edl/testing/fake_teacher.h"
#include "examples/resnet50_vd/epoch_decoder.h"
#include "examples/resnet50_vd/image_loader.h"
#include "gmock/gmock.h"
#include "tests/support/image_files.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/thread_names.h"

namespace resnet {
namespace {

using edl::test::EncodeJpeg;
using edl::test::EncodePng;
using edl::test::SmoothPicture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kImages = 30;
constexpr int kSide = 24;

std::string NameOf(std::int64_t index) {
  return "img" + std::to_string(100 + index) + ".JPEG";
}

// Small pictures of many sizes, all different. Every seventh is a PNG, whatever its name says.
std::string FileOf(std::int64_t index) {
  const auto picture =
      SmoothPicture(40 + static_cast<int>(index), 61 - static_cast<int>(index), 4 * static_cast<int>(index));
  return index % 7 == 6 ? EncodePng(picture, edl::test::PngKind::kRgb)
                        : EncodeJpeg(picture, edl::test::JpegKind::kYcc, 90);
}

// The bytes of a batch's fields, so that batches can be compared.
using Bytes = std::vector<std::string>;

Bytes BytesOf(const edl::Fields& fields) {
  Bytes bytes;
  for (const edl::Tensor& field : fields) {
    bytes.emplace_back(static_cast<const char*>(field.data()), field.byte_size());
  }
  return bytes;
}

std::vector<std::int64_t> Numbers(const edl::Tensor& tensor) {
  const auto* values = tensor.data_as<std::int64_t>();
  return std::vector<std::int64_t>(values, values + tensor.rows());
}

std::vector<Bytes> ReadToEnd(const edl::Generator<edl::Fields>& next) {
  std::vector<Bytes> batches;
  while (auto fields = next().value()) batches.push_back(BytesOf(*fields));
  return batches;
}

std::vector<std::int64_t> IndexOrder(const edl::Generator<edl::Fields>& next) {
  std::vector<std::int64_t> order;
  while (auto fields = next().value()) {
    const auto index = Numbers((*fields)[2]);
    order.insert(order.end(), index.begin(), index.end());
  }
  return order;
}

std::string FailureOf(const edl::Generator<edl::Fields>& next) {
  while (true) {
    auto fields = next();
    if (!fields.ok()) return std::string(fields.status().message());
    if (!fields->has_value()) return "";
  }
}

class ImageLoaderTest : public ::testing::Test {
 protected:
  ImageLoaderTest() {
    list_.root = folder_.path();
    for (std::int64_t i = 0; i < kImages; ++i) {
      folder_.Write(NameOf(i), FileOf(i));
      list_.images.push_back({NameOf(i), i % 5});
    }
    list_.class_count = 5;
    options_.batch_rows = 8;
    options_.views.side = kSide;
    options_.threads = 2;
    options_.seed = 11;
    options_.report = [this](const std::string& line) { lines_.push_back(line); };
  }

  std::unique_ptr<ImageLoader> NewLoader() const { return ImageLoader::Create(list_, options_).value(); }
  edl::Generator<edl::Fields> Epoch(std::int64_t epoch, Position start = {}) const {
    return NewLoader()->Epochs(start)(epoch);  // which outlives the loader
  }
  // In the order of the epoch, the image that comes after this one and is not among `bad`.
  std::int64_t StandInOf(std::int64_t index, const std::vector<std::int64_t>& order,
                         const std::set<std::int64_t>& bad) const {
    std::size_t place = static_cast<std::size_t>(std::find(order.begin(), order.end(), index) - order.begin());
    while (bad.count(order[place % order.size()]) != 0) ++place;
    return order[place % order.size()];
  }

  const edl::test::ScratchFolder folder_;
  ImageList list_;
  LoaderOptions options_;
  std::vector<std::string> lines_;
};

TEST_F(ImageLoaderTest, GivesImageLabelAndIndex) {
  for (const Layout layout : {Layout::kNchw, Layout::kNhwc}) {
    options_.views.layout = layout;
    EXPECT_THAT(NewLoader()->fields(), ElementsAre("image", "label", "index"));
    const edl::Fields fields = *Epoch(0)().value();
    ASSERT_EQ(fields.size(), 3U);
    EXPECT_EQ(fields[0].ToString(), layout == Layout::kNchw ? "UINT8 [8, 3, 24, 24]" : "UINT8 [8, 24, 24, 3]");
    EXPECT_EQ(fields[1].ToString(), "INT64 [8]");
    EXPECT_EQ(fields[2].ToString(), "INT64 [8]");
    for (int row = 0; row < 8; ++row) {
      EXPECT_EQ(Numbers(fields[1])[static_cast<std::size_t>(row)],
                Numbers(fields[2])[static_cast<std::size_t>(row)] % 5);
    }
  }
}

TEST_F(ImageLoaderTest, GivesTheSameBytesWithAnyNumberOfThreads) {
  options_.mixup_alpha = 0.5;
  folder_.Write(NameOf(3), "no image");
  folder_.Write(NameOf(17), FileOf(17).substr(0, 300));
  options_.threads = 1;
  const auto first = ReadToEnd(Epoch(0)), second = ReadToEnd(Epoch(1));
  EXPECT_EQ(first.size(), 3U);
  EXPECT_NE(first, second);
  for (const int threads : {2, 5}) {
    options_.threads = threads;
    options_.read_ahead_batches = threads;
    EXPECT_TRUE(ReadToEnd(Epoch(0)) == first) << threads;
    EXPECT_TRUE(ReadToEnd(Epoch(1)) == second) << threads;
  }
  options_.seed = 12;
  EXPECT_FALSE(ReadToEnd(Epoch(0)) == first);
}

TEST_F(ImageLoaderTest, MakesTheSameViewOfAnImageInWhateverBatchItIs) {
  const auto views = [&](std::int64_t batch_rows, Order order) {
    options_.batch_rows = batch_rows;
    options_.order = order;
    options_.remainder = Remainder::kKeep;
    std::map<std::int64_t, std::string> views;
    const auto next = Epoch(4);
    while (auto fields = next().value()) {
      for (std::int64_t row = 0; row < (*fields)[0].rows(); ++row) {
        views[Numbers((*fields)[2])[static_cast<std::size_t>(row)]] = BytesOf({(*fields)[0].Row(row).value()})[0];
      }
    }
    return views;
  };
  const auto shuffled = views(8, Order::kShuffled);
  EXPECT_EQ(shuffled.size(), static_cast<std::size_t>(kImages));
  EXPECT_TRUE(shuffled == views(7, Order::kAsListed));
}

TEST_F(ImageLoaderTest, ValidatesOnEveryImageOnceInTheirOrder) {
  LoaderOptions options = LoaderOptions::ForValidation();
  options.batch_rows = 8;
  options.views.side = kSide;
  options_ = options;
  EXPECT_EQ(NewLoader()->batches_per_epoch(), 4);
  EXPECT_EQ(IndexOrder(Epoch(0)), ListOrder(kImages));
  const auto first = ReadToEnd(Epoch(0));
  EXPECT_EQ(first.back()[2].size(), 6 * sizeof(std::int64_t)) << "the last batch is short";
  options_.seed = 99;
  EXPECT_TRUE(ReadToEnd(Epoch(5)) == first);
}

TEST_F(ImageLoaderTest, SharesAnEpochAmongTrainers) {
  options_.batch_rows = 5;
  options_.world_size = 3;
  std::multiset<std::int64_t> seen;
  for (options_.rank = 0; options_.rank < 3; ++options_.rank) {
    const auto order = IndexOrder(Epoch(2));
    EXPECT_EQ(order.size(), 10U);
    seen.insert(order.begin(), order.end());
  }
  EXPECT_EQ(std::vector<std::int64_t>(seen.begin(), seen.end()), ListOrder(kImages));
}

TEST_F(ImageLoaderTest, MixesAsItsFieldsSay) {
  const auto plain = Epoch(0);
  options_.mixup_alpha = 1;
  const auto mixed = Epoch(0);
  EXPECT_THAT(NewLoader()->fields(), ElementsAre("image", "label", "index", "label_b", "mix"));
  std::set<float> shares;
  while (auto fields = mixed().value()) {
    const edl::Fields before = *plain().value();
    ASSERT_EQ(Numbers((*fields)[2]), Numbers(before[2]));
    ASSERT_EQ((*fields)[4].ToString(), "FP32 [8]");
    const float share = (*fields)[4].data_as<float>()[0];
    shares.insert(share);
    for (std::int64_t row = 0; row < 8; ++row) {
      EXPECT_EQ((*fields)[4].data_as<float>()[row], share);
      const std::string image = BytesOf({(*fields)[0].Row(row).value()})[0];
      const std::string own = BytesOf({before[0].Row(row).value()})[0];
      int explanations = 0;  // by a partner of class label_b
      for (std::int64_t other = 0; other < 8; ++other) {
        if (Numbers(before[1])[static_cast<std::size_t>(other)] !=
            Numbers((*fields)[3])[static_cast<std::size_t>(row)]) {
          continue;
        }
        const std::string partner = BytesOf({before[0].Row(other).value()})[0];
        bool blended = true;
        for (std::size_t i = 0; i < image.size(); ++i) {
          const double exact = static_cast<std::uint8_t>(own[i]) * double{share} +
                               static_cast<std::uint8_t>(partner[i]) * (1 - double{share});
          blended = blended && static_cast<std::uint8_t>(image[i]) == static_cast<int>(exact + 0.5);
        }
        explanations += blended ? 1 : 0;
      }
      EXPECT_GE(explanations, 1) << row;
    }
  }
  EXPECT_EQ(shares.size(), 3U) << "one a batch";
}

TEST_F(ImageLoaderTest, BeginsInTheMiddleOfAnEpochAsIfItHadBeenThereFromTheStart) {
  options_.mixup_alpha = 0.5;
  const auto whole = ReadToEnd(Epoch(5));
  const auto after = ReadToEnd(Epoch(6));
  for (std::int64_t batch = 0; batch <= 3; ++batch) {
    EXPECT_TRUE(ReadToEnd(Epoch(0, {5, batch})) == std::vector<Bytes>(whole.begin() + batch, whole.end())) << batch;
    EXPECT_TRUE(ReadToEnd(Epoch(1, {5, batch})) == after);
  }
  EXPECT_THAT(FailureOf(Epoch(0, {5, 4})), HasSubstr("starts at batch 4 of epoch 5; expected 0 to 3"));
}

TEST_F(ImageLoaderTest, DoesNotDecodeWhatComesBeforeWhereItBegins) {
  const auto order = IndexOrder(Epoch(0));
  folder_.Write(NameOf(order[0]), "no image");
  const auto loader = NewLoader();
  ReadToEnd(loader->Epochs({0, 1})(0));
  EXPECT_EQ(loader->stats().bad_images, 0);
  ReadToEnd(loader->Epochs()(0));
  EXPECT_EQ(loader->stats().bad_images, 1);
}

TEST_F(ImageLoaderTest, PutsTheNextGoodImageInThePlaceOfABadOne) {
  options_.remainder = Remainder::kKeep;
  const auto good = IndexOrder(Epoch(0));
  // Two in a row, and the last one of the epoch.
  const std::set<std::int64_t> bad = {good[4], good[5], good.back()};
  for (const std::int64_t index : bad) folder_.Write(NameOf(index), "no image");
  const auto loader = NewLoader();
  const auto order = IndexOrder(loader->Epochs()(0));
  ASSERT_EQ(order.size(), good.size());
  for (std::size_t i = 0; i < good.size(); ++i) EXPECT_EQ(order[i], StandInOf(good[i], good, bad)) << i;
  const LoaderStats stats = loader->stats();
  EXPECT_EQ(stats.bad_images, 3);
  EXPECT_EQ(stats.batches, 4);
  EXPECT_EQ(stats.rows, kImages);
  ASSERT_EQ(lines_.size(), 3U);
  EXPECT_THAT(lines_[0], HasSubstr("another image stands in for image " + std::to_string(good[4]) + " of the list, "));
  EXPECT_THAT(lines_[0], HasSubstr(NameOf(good[4]) + ": has 8 bytes: no image"));
}

TEST_F(ImageLoaderTest, TellsEveryKindOfBadFileByItsName) {
  const std::string jpeg = FileOf(0);
  const std::vector<std::pair<std::function<void(const std::string&)>, std::string>> kinds = {
      {[](const std::string&) {}, "cannot be opened: No such file or directory"},
      {[&](const std::string& name) { folder_.Write(name, ""); }, "is empty (0 bytes); expected a JPEG or PNG image"},
      {[&](const std::string& name) { folder_.Write(name, jpeg.substr(0, jpeg.size() / 2)); }, "remature end"},
      {[&](const std::string& name) { folder_.Write(name, "this is a text, no image"); }, "is neither JPEG nor PNG"},
      {[&](const std::string& name) { folder_.Write(name, jpeg.substr(0, 20) + std::string(500, '\x5a')); },
       "is a JPEG that cannot be decoded"},
      {[&](const std::string& name) { std::filesystem::create_directory(folder_.path() / name); }, "is a folder"},
      {[&](const std::string& name) { std::filesystem::create_symlink("nowhere", folder_.path() / name); },
       "No such file"},
      {[&](const std::string& name) { ASSERT_EQ(mkfifo((folder_.path() / name).c_str(), 0600), 0); },
       "is no regular file"},
  };
  options_.order = Order::kAsListed;
  for (const auto& kind : kinds) {
    std::filesystem::remove_all(folder_.path() / NameOf(12));
    kind.first(NameOf(12));
    options_.on_bad_image = OnBadImage::kSkip;
    const auto loader = NewLoader();
    EXPECT_EQ(IndexOrder(loader->Epochs()(0))[12], 13);
    ASSERT_EQ(loader->stats().first_bad_images.size(), 1U) << kind.second;
    EXPECT_THAT(loader->stats().first_bad_images[0], HasSubstr(NameOf(12) + ": "));
    EXPECT_THAT(loader->stats().first_bad_images[0], HasSubstr(kind.second));

    options_.on_bad_image = OnBadImage::kFail;
    const auto next = Epoch(0);
    EXPECT_TRUE(next().ok()) << "the batch before the bad one's";
    const std::string failure = FailureOf(next);
    EXPECT_THAT(failure, HasSubstr("image 12 of the list, "));
    EXPECT_THAT(failure, HasSubstr(NameOf(12) + ": "));
    EXPECT_THAT(failure, HasSubstr(kind.second));
    EXPECT_EQ(FailureOf(next), failure) << "it stays";
  }
}

TEST_F(ImageLoaderTest, FailsOfTheFirstBadImageWhicheverIsFoundFirst) {
  options_.on_bad_image = OnBadImage::kFail;
  options_.order = Order::kAsListed;
  options_.batch_rows = kImages;
  options_.threads = 5;
  for (const std::int64_t index : {9, 10, 11, 29}) folder_.Write(NameOf(index), "no image");
  for (int round = 0; round < 20; ++round) EXPECT_THAT(FailureOf(Epoch(0)), HasSubstr("image 9 of the list"));
}

TEST_F(ImageLoaderTest, GivesUpWhenNoImageCanBeUsed) {
  list_.root = folder_.path() / "elsewhere";
  const std::string failure = FailureOf(Epoch(0));
  EXPECT_THAT(failure, HasSubstr("30 images in a row cannot be used, the last of them "));
  EXPECT_THAT(failure, HasSubstr("elsewhere where the list's paths begin?"));
}

TEST_F(ImageLoaderTest, NamesTheFirstBadImagesAndCountsTheRest) {
  for (std::int64_t i = 1; i < kImages; ++i) folder_.Write(NameOf(i), "no image");
  options_.remainder = Remainder::kKeep;
  const auto loader = NewLoader();
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) ReadToEnd(loader->Epochs()(epoch));
  EXPECT_EQ(loader->stats().bad_images, 58);
  EXPECT_EQ(loader->stats().first_bad_images.size(), 20U);
  ASSERT_EQ(lines_.size(), 22U);
  EXPECT_THAT(lines_[19], HasSubstr("(more of them are only counted)"));
  EXPECT_EQ(lines_[20], "epoch 0: others stood in for 9 more bad images");
  EXPECT_EQ(lines_[21], "epoch 1: others stood in for 29 more bad images");
}

TEST_F(ImageLoaderTest, JoinsItsThreadsWhenAnEpochIsLeft) {
  options_.threads = 3;
  const auto loader = NewLoader();
  auto await_threads = [](std::int64_t count) {
    while (edl::test::ThreadsNamed({"resnet-decode"}) != count) std::this_thread::yield();
  };
  for (int round = 0; round < 30; ++round) {
    edl::Generator<edl::Fields> next = loader->Epochs()(round);
    await_threads(3);
    for (int batch = 0; batch < round % 3; ++batch) ASSERT_TRUE(next().ok());
    next = nullptr;
    await_threads(0);
  }
}

TEST_F(ImageLoaderTest, HoldsNoMoreBatchesThanItMay) {
  options_.batch_rows = 2;
  options_.read_ahead_batches = 3;
  std::atomic<int> open{0}, most{0};
  options_.allocate = [&](std::size_t bytes) {
    most = std::max(most.load(), ++open);
    EXPECT_EQ(bytes, 2U * 3 * kSide * kSide);
    return std::shared_ptr<void>(::operator new(bytes), [&](void* memory) {
      --open;
      ::operator delete(memory);
    });
  };
  EXPECT_EQ(ReadToEnd(Epoch(0)).size(), 15U);
  EXPECT_EQ(most, 3 + 2);  // ahead, the one asked for, and the one that the caller is about to let go
  EXPECT_EQ(open, 0);
}

TEST_F(ImageLoaderTest, WritesIntoASharedArena) {
  const auto arena = edl::SharedArena::Create(std::size_t{1} << 20).value();
  options_.allocate = [arena](std::size_t bytes) { return arena->Allocate(bytes); };
  const auto next = Epoch(0);
  while (auto fields = next().value()) {
    EXPECT_TRUE(arena->OffsetOf((*fields)[0].data(), (*fields)[0].byte_size()).has_value());
  }
  EXPECT_EQ(arena->stats().outside, 0);
}

TEST_F(ImageLoaderTest, SaysAtTheNextBatchThatTheAllocatorFailed) {
  options_.read_ahead_batches = 1;
  for (const int pieces : {0, 2}) {
    options_.allocate = [left = pieces](std::size_t bytes) mutable {
      if (left-- == 0) throw std::bad_alloc();
      return std::shared_ptr<void>(::operator new(bytes), [](void* memory) { ::operator delete(memory); });
    };
    const auto next = Epoch(0);
    EXPECT_EQ(next().ok(), pieces > 0);
    EXPECT_THAT(FailureOf(next), HasSubstr("out of memory"));
    EXPECT_EQ(next().status().code(), absl::StatusCode::kResourceExhausted);
  }
}

TEST_F(ImageLoaderTest, RefusesOptionsThatMakeNoSense) {
  const auto complaint = [&](const std::function<void(LoaderOptions&)>& change) {
    LoaderOptions options = options_;
    change(options);
    return std::string(ImageLoader::Create(list_, options).status().message());
  };
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.batch_rows = 0; }), HasSubstr("batch_rows is 0; expected 1 to 65536"));
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.views.side = 0; }), HasSubstr("views.side is 0; expected 1 to 4096"));
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.mixup_alpha = -1; }),
              HasSubstr("mixup_alpha is -1; expected 0.01 to"));
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.rank = 1; }), HasSubstr("rank is 1; expected 0 to 0"));
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.threads = -1; }), HasSubstr("threads is -1; expected 0 to 1024"));
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.read_ahead_batches = 0; }), HasSubstr("read_ahead_batches is 0"));
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.world_size = 4; }),
              HasSubstr("30 images, shared by 4 trainers, fill no batch of 8; expected more images, or"));
  list_.images.clear();
  EXPECT_THAT(complaint([](LoaderOptions& o) { o.remainder = Remainder::kKeep; }), HasSubstr("0 images"));
}

TEST(BatchMemory, IsUsedAgainAndOutlivesItsMaker) {
  auto memory = std::make_unique<BatchMemory>(1000);
  std::shared_ptr<void> first = memory->Take();
  std::shared_ptr<void> second = memory->Take();
  EXPECT_NE(first, second);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.get()) % 64, 0U);
  const void* place = first.get();
  first.reset();
  EXPECT_EQ(memory->Take().get(), place);
  memory.reset();
  second.reset();
}

// The teacher answers with each image's first byte: what comes back has to belong to the image beside it.
TEST_F(ImageLoaderTest, FeedsADistillReader) {
  options_.mixup_alpha = 0.5;
  folder_.Write(NameOf(3), "no image");
  const auto arena = edl::SharedArena::Create(std::size_t{1} << 20).value();
  options_.allocate = [arena](std::size_t bytes) { return arena->Allocate(bytes); };
  const std::vector<Bytes> expected[2] = {ReadToEnd(Epoch(0)), ReadToEnd(Epoch(1))};
  edl::ModelInfo model;
  model.name = "first_byte";
  model.inputs = {{"image", edl::DType::kUint8, {-1, 3, kSide, kSide}}};
  model.outputs = {{"score", edl::DType::kFp32, {-1, 1}}};
  auto teacher = edl::testing::FakeTeacher::Start(model, [](const std::vector<edl::Tensor>& inputs) {
                   std::vector<float> scores;
                   for (std::int64_t row = 0; row < inputs[0].rows(); ++row) {
                     scores.push_back(inputs[0].Row(row).value().data_as<std::uint8_t>()[0]);
                   }
                   std::vector<edl::Tensor> outputs;
                   outputs.push_back(edl::Tensor::FromVector({inputs[0].rows(), 1}, scores).value());
                   return absl::StatusOr<std::vector<edl::Tensor>>(outputs);
                 }).value();
  const auto loader = NewLoader();
  edl::ReaderOptions reader_options;
  reader_options.fields = loader->fields();
  reader_options.predictions = {"score"};
  reader_options.teacher_batch_rows = 4;
  reader_options.num_epochs = 2;
  reader_options.arena = arena;
  auto reader = edl::DistillReader::Create(edl::FromBatches(loader->Epochs()),
                                           edl::FixedTeachers({teacher->endpoint()}), reader_options)
                    .value();
  for (const std::vector<Bytes>& epoch : expected) {
    std::size_t batches = 0;
    for (auto& batch : reader->Epoch()) {
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_LT(batches, epoch.size());
      const edl::Tensor image = batch->at("image"), score = batch->at("score");
      EXPECT_TRUE(BytesOf({image})[0] == epoch[batches][0]);
      EXPECT_EQ(BytesOf({batch->at("mix")})[0], epoch[batches][4]);
      for (std::int64_t row = 0; row < image.rows(); ++row) {
        EXPECT_EQ(score.data_as<float>()[row], image.Row(row).value().data_as<std::uint8_t>()[0]);
      }
      ++batches;
    }
    EXPECT_EQ(batches, epoch.size());
  }
}

}  // namespace
}  // namespace resnet
