// SPDX-License-Identifier: Apache-2.0
// What the ResNet example rests on: the networks are those that were published, and a teacher made of one answers what
// the network itself would.
#include <stdlib.h>
#include <sys/wait.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "edl/distill_reader.h"
#include "edl/testing/teacher_process.h"
#include "edl/torch/tensor.h"
#include "examples/resnet50_vd/normalise.h"
#include "examples/resnet50_vd/replace_file.h"
#include "examples/resnet50_vd/resnet.h"
#include "examples/resnet50_vd/resnet_spec.h"
#include "examples/resnet50_vd/teacher_script.h"
#include "examples/resnet50_vd/weights.h"
#include "gmock/gmock.h"

namespace resnet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A folder that is gone, with all that is in it, after the test.
class Folder {
 public:
  Folder() : path_(::testing::TempDir() + "/edl_resnet_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return absl::StrCat(path_, "/", name); }
  std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  std::string path_;
};

// What `action` complains of.
template <typename Action>
std::string ComplaintOf(Action&& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

// As after training: no normalisation is left that does nothing.
void Scramble(torch::nn::Module& network) {
  const torch::NoGradGuard no_grad;
  for (const auto& module : network.modules(/*include_self=*/false)) {
    auto* norm = module->as<torch::nn::BatchNorm2d>();
    if (norm == nullptr) continue;
    norm->weight.uniform_(0.5, 1.0);
    norm->bias.normal_(0.0, 0.2);
    norm->running_mean.normal_(0.0, 0.2);
    norm->running_var.uniform_(0.5, 2.0);
  }
}

ResNet Scrambled(const ResNetSpec& spec, std::int64_t classes) {
  torch::manual_seed(7);
  ResNetOptions options;
  options.classes = classes;
  ResNet network(spec, options);
  Scramble(*network);
  network->eval();
  return network;
}

std::map<std::string, torch::Tensor> State(const ResNet& network) {
  std::map<std::string, torch::Tensor> state;
  for (const auto& entry : network->named_parameters()) state[entry.key()] = entry.value();
  for (const auto& entry : network->named_buffers()) state[entry.key()] = entry.value();
  return state;
}

// Small, and its parts differ: groups, a pooled shortcut, another number of blocks in each stage.
ResNetSpec SmallSpec() {
  return {"small", BlockKind::kBottleneck, {1, 2, 1, 1}, Variant::kVd, 4, 8};
}

std::int64_t ParameterCount(const ResNetSpec& spec) {
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : ResNet(spec)->parameters()) count += parameter.numel();
  return count;
}

TEST(ResNetSpec, AnUnknownNameIsToldWhatNamesThereAre) {
  EXPECT_EQ(ModelNames().size(), 12U);
  for (const std::string& name : ModelNames()) EXPECT_EQ(FindSpec(name).name, name);
  EXPECT_THAT(ComplaintOf([] { FindSpec("ResNet50_vc"); }),
              AllOf(HasSubstr("'ResNet50_vc'"), HasSubstr("ResNet18, "), HasSubstr("ResNeXt101_32x16d_wsl")));
}

// torchvision 0.15, "Models and pre-trained weights"; for 32x16d, its model with width_per_group=16, which WSL-Images
// publishes as 194 million.
TEST(ResNet, HasAsManyParametersAsWasPublished) {
  const std::map<std::string, std::int64_t> published = {
      {"ResNet18", 11'689'512},  {"ResNet34", 21'797'672},  {"ResNet50", 25'557'032},
      {"ResNet101", 44'549'160}, {"ResNet152", 60'192'808}, {"ResNeXt101_32x16d", 194'026'792},
  };
  for (const auto& [name, count] : published) EXPECT_EQ(ParameterCount(FindSpec(name)), count) << name;
  EXPECT_EQ(FindSpec("ResNeXt101_32x16d_wsl").groups, FindSpec("ResNeXt101_32x16d").groups);
}

TEST(ResNet, AVdHasMoreParametersInItsFirstConvolutionsAlone) {
  // Three of 3x3 (3 to 32 to 32 to 64 channels), with a normalisation behind the two that the 7x7 does not have. The
  // shortcuts' convolutions keep their size.
  constexpr std::int64_t kMore = 9 * (3 * 32 + 32 * 32 + 32 * 64) + 2 * (32 + 32) - 49 * 3 * 64;
  EXPECT_EQ(kMore, 19'232);
  const std::map<std::string, std::int64_t> plain = {{"ResNet18_vd", 11'689'512},
                                                     {"ResNet34_vd", 21'797'672},
                                                     {"ResNet50_vd", 25'557'032},  // timm has 25,576,264 for resnet50d
                                                     {"ResNet101_vd", 44'549'160},
                                                     {"ResNet152_vd", 60'192'808}};
  for (const auto& [name, count] : plain) EXPECT_EQ(ParameterCount(FindSpec(name)), count + kMore) << name;
}

// Names and shapes as in torchvision's and timm's published files, of which these are the ends.
TEST(ResNet, CallsItsParametersAsPublishedWeightsDo) {
  auto shape_of = [](const std::map<std::string, torch::Tensor>& state, const std::string& name) {
    EXPECT_EQ(state.count(name), 1U) << name;
    return state.count(name) == 0 ? std::vector<std::int64_t>() : state.at(name).sizes().vec();
  };
  const auto plain = State(ResNet(FindSpec("ResNet50")));
  EXPECT_EQ(plain.size(), 320U);  // as torchvision's state_dict
  EXPECT_THAT(shape_of(plain, "conv1.weight"), ElementsAre(64, 3, 7, 7));
  EXPECT_THAT(shape_of(plain, "bn1.running_var"), ElementsAre(64));
  EXPECT_THAT(shape_of(plain, "layer1.0.downsample.0.weight"), ElementsAre(256, 64, 1, 1));
  EXPECT_THAT(shape_of(plain, "layer1.0.downsample.1.num_batches_tracked"), ElementsAre());
  EXPECT_THAT(shape_of(plain, "layer4.2.conv2.weight"), ElementsAre(512, 512, 3, 3));
  EXPECT_THAT(shape_of(plain, "layer4.2.bn3.bias"), ElementsAre(2048));
  EXPECT_THAT(shape_of(plain, "fc.weight"), ElementsAre(1000, 2048));
  const auto vd = State(ResNet(FindSpec("ResNet50_vd")));
  EXPECT_EQ(vd.size(), 320U + 2 * 6);
  EXPECT_THAT(shape_of(vd, "conv1.0.weight"), ElementsAre(32, 3, 3, 3));
  EXPECT_THAT(shape_of(vd, "conv1.1.weight"), ElementsAre(32));
  EXPECT_THAT(shape_of(vd, "conv1.3.weight"), ElementsAre(32, 32, 3, 3));
  EXPECT_THAT(shape_of(vd, "conv1.4.running_mean"), ElementsAre(32));
  EXPECT_THAT(shape_of(vd, "conv1.6.weight"), ElementsAre(64, 32, 3, 3));
  EXPECT_THAT(shape_of(vd, "bn1.weight"), ElementsAre(64));
  EXPECT_THAT(shape_of(vd, "layer1.0.downsample.1.weight"), ElementsAre(256, 64, 1, 1));
  EXPECT_THAT(shape_of(vd, "layer2.0.downsample.2.running_var"), ElementsAre(512));
  const auto grouped = State(ResNet(ResNetSpec{"x", BlockKind::kBottleneck, {1, 1, 1, 1}, Variant::kPlain, 32, 16}));
  EXPECT_THAT(shape_of(grouped, "layer1.0.conv2.weight"), ElementsAre(512, 16, 3, 3));
  EXPECT_THAT(shape_of(grouped, "layer4.0.conv3.weight"), ElementsAre(2048, 4096, 1, 1));
}

TEST(ResNet, TakesImagesOfAnySize) {
  const torch::NoGradGuard no_grad;
  for (const char* name : {"ResNet18", "ResNet18_vd"}) {
    ResNet network = Scrambled(FindSpec(name), 10);
    EXPECT_EQ(network(torch::rand({1, 3, 224, 224})).sizes(), (torch::IntArrayRef{1, 10})) << name;
    EXPECT_EQ(network(torch::rand({2, 3, 97, 65})).sizes(), (torch::IntArrayRef{2, 10})) << name;
    // Each halving rounds up, in the shortcut as beside it.
    torch::Tensor features = torch::rand({1, 3, 97, 33});
    for (ConvNorm& layer : network->stem) features = layer(features);
    EXPECT_EQ(features.sizes(), (torch::IntArrayRef{1, 64, 49, 17})) << name;
    features = network->pool(features);
    std::vector<std::int64_t> heights;
    for (Block& block : network->blocks) heights.push_back((features = block(features)).size(2));
    EXPECT_THAT(heights, ElementsAre(25, 25, 13, 13, 7, 7, 4, 4)) << name;
    EXPECT_EQ(features.sizes(), (torch::IntArrayRef{1, 512, 4, 2})) << name;
  }
}

// A block that halves the resolution, nothing of which is left but a shortcut that copies its input.
Block ShortcutOnly(Variant variant) {
  const torch::NoGradGuard no_grad;
  Block block(ResNetSpec{"block", BlockKind::kBasic, {1, 1, 1, 1}, variant}, 8, 16, 2);
  block->layers.back().norm->weight.zero_();
  block->shortcut.conv->weight.copy_(torch::eye(16, 8).view({16, 8, 1, 1}));
  block->eval();
  return block;
}

TEST(ResNet, TheShortcutOfAVdAveragesWherePlainOnesDropPixels) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor input = torch::rand({1, 8, 5, 5});
  const torch::Tensor averaged = ShortcutOnly(Variant::kVd)(input)[0][3];
  const torch::Tensor dropped = ShortcutOnly(Variant::kPlain)(input)[0][3];
  ASSERT_EQ(averaged.sizes(), (torch::IntArrayRef{3, 3}));
  ASSERT_EQ(dropped.sizes(), averaged.sizes());
  using torch::indexing::Slice;
  const torch::Tensor image = input[0][3];
  for (std::int64_t y = 0; y < 3; ++y) {
    for (std::int64_t x = 0; x < 3; ++x) {
      // At the border there are fewer than four, and their mean is taken.
      const torch::Tensor mean = image.index({Slice(2 * y, 2 * y + 2), Slice(2 * x, 2 * x + 2)}).mean();
      EXPECT_NEAR(averaged[y][x].item<float>(), mean.item<float>(), 1e-4) << y << ", " << x;
      EXPECT_NEAR(dropped[y][x].item<float>(), image[2 * y][2 * x].item<float>(), 1e-4) << y << ", " << x;
    }
  }
}

TEST(ResNet, TheStrideOfABottleneckIsOnIts3x3) {
  for (const char* name : {"ResNet50", "ResNet50_vd"}) {
    ResNet network(FindSpec(name));
    const Block& block = network->blocks[3];  // the second stage's first
    std::vector<std::int64_t> strides;
    for (const ConvNorm& layer : block->layers) strides.push_back((*layer.conv->options.stride())[0]);
    EXPECT_THAT(strides, ElementsAre(1, 2, 1)) << name;
  }
}

TEST(ResNet, BeginsWithHesWeightsAndOnRequestWithBlocksThatDoNothing) {
  torch::manual_seed(7);
  ResNetOptions options;
  options.zero_last_gamma = true;
  ResNet network(FindSpec("ResNet18"), options);
  const torch::Tensor weight = network->blocks.back()->layers.back().conv->weight;  // 512 channels of 3x3
  EXPECT_NEAR(weight.std().item<double>(), std::sqrt(2.0 / (512 * 9)), 1e-4);
  EXPECT_NEAR(weight.mean().item<double>(), 0.0, 1e-4);
  const torch::NoGradGuard no_grad;
  const torch::Tensor input = torch::rand({1, 64, 8, 8});
  EXPECT_TRUE(torch::equal(network->blocks[0](input), input));  // not below 0: relu keeps it
  EXPECT_EQ(ResNet(FindSpec("ResNet18"))->blocks[0]->layers[1].norm->weight.min().item<float>(), 1.0F);
}

TEST(ResNet, AllOfItLearns) {
  torch::manual_seed(7);
  ResNet network(SmallSpec());
  torch::nn::functional::cross_entropy(network(torch::rand({4, 3, 40, 40})), torch::arange(4)).backward();
  for (const auto& parameter : network->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_GT(parameter.value().grad().abs().max().item<float>(), 0.0F) << parameter.key();
  }
}

TEST(ResNet, ChannelsLastChangesTheLayoutAndNotTheResult) {
  const torch::NoGradGuard no_grad;
  ResNet network = Scrambled(SmallSpec(), 10);
  const torch::Tensor images = torch::rand({2, 3, 64, 64});
  const torch::Tensor before = network(images);
  const torch::Tensor weight = network->stem[1].conv->weight;
  UseChannelsLast(*network);
  EXPECT_TRUE(weight.is_contiguous(torch::MemoryFormat::ChannelsLast)) << "the tensor that an optimizer has";
  EXPECT_TRUE(torch::allclose(network(images), before, 1e-3, 1e-4));
}

TEST(ResNet, RefusesSpecsAndOptionsThatMakeNoSense) {
  ResNetSpec spec = FindSpec("ResNet18");
  spec.groups = 2;
  EXPECT_THAT(ComplaintOf([&] { ResNet network(spec); }), HasSubstr("2 groups of width 64; expected"));
  spec = FindSpec("ResNet18");
  spec.depths[2] = 0;
  EXPECT_THAT(ComplaintOf([&] { ResNet network(spec); }), HasSubstr("a stage of 0 blocks; expected 1 or more"));
  ResNetOptions options;
  options.classes = 0;
  EXPECT_THAT(ComplaintOf([&] { ResNet network(FindSpec("ResNet50"), options); }),
              HasSubstr("ResNet50: 0 classes; expected 1 or more"));
}

TEST(PixelNormaliser, SubtractsImageNetsMeanAndDividesByItsDeviation) {
  const torch::Tensor images = torch::randint(256, {2, 3, 5, 7}, torch::kUInt8);
  const std::vector<double> mean = {0.485, 0.456, 0.406};
  const std::vector<double> deviation = {0.229, 0.224, 0.225};
  const torch::Tensor normalised = PixelNormaliser(PixelLayout::kNchw)(images);
  ASSERT_EQ(normalised.scalar_type(), torch::kFloat32);
  for (std::int64_t c = 0; c < 3; ++c) {
    const torch::Tensor want = (images.select(1, c).to(torch::kFloat64) / 255 - mean[c]) / deviation[c];
    EXPECT_LT((normalised.select(1, c) - want).abs().max().item<double>(), 1e-5) << "channel " << c;
  }
}

TEST(PixelNormaliser, TakesWhatADecoderGivesAndGoesOnChannelsLast) {
  const torch::Tensor images = torch::randint(256, {2, 5, 7, 3}, torch::kUInt8);
  const torch::Tensor normalised = PixelNormaliser(PixelLayout::kNhwc)(images);
  EXPECT_TRUE(normalised.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::equal(normalised, PixelNormaliser(PixelLayout::kNchw)(images.permute({0, 3, 1, 2}).contiguous())));
}

TEST(PixelNormaliser, SaysWhatImagesItExpects) {
  const PixelNormaliser normalise(PixelLayout::kNhwc);
  EXPECT_THAT(ComplaintOf([&] {
                normalise(torch::zeros({2, 3, 5, 7}, torch::kUInt8));
              }),
              HasSubstr("Byte [2, 3, 5, 7]; expected Byte [rows, height, width, 3]"));
  EXPECT_THAT(ComplaintOf([&] { normalise(torch::zeros({2, 5, 7, 3})); }), HasSubstr("Float [2, 5, 7, 3]"));
}

TEST(ReplaceFile, LeavesTheOldFileWhenTheNewOneIsNotFinished) {
  const Folder folder;
  const std::string file = folder / "file";
  auto write = [](const std::string& text) {
    return [text](const std::string& temporary) { std::ofstream(temporary) << text; };
  };
  auto text_of = [&] {
    std::string text;
    std::getline(std::ifstream(file), text);
    return text;
  };
  ReplaceFile(file, write("old"));
  EXPECT_EQ(text_of(), "old");
  EXPECT_THAT(ComplaintOf([&] {
                ReplaceFile(file, [](const std::string& temporary) {
                  std::ofstream(temporary) << "ne";
                  throw std::runtime_error("no more");
                });
              }),
              HasSubstr("no more"));
  EXPECT_EQ(text_of(), "old");
  ReplaceFile(file, write("new"));
  EXPECT_EQ(text_of(), "new");
  EXPECT_EQ(folder.file_count(), 1U) << "a temporary file was left";
  EXPECT_THAT(ComplaintOf([&] { ReplaceFile(folder / "none/file", write("x")); }),
              HasSubstr("none/file': No such file or directory"));
}

void ExpectEqualState(const ResNet& a, const ResNet& b) {
  const auto want = State(b);
  for (const auto& [name, tensor] : State(a)) EXPECT_TRUE(torch::equal(tensor, want.at(name))) << name;
}

TEST(Weights, ComeBackAsTheyWereSaved) {
  const Folder folder;
  const ResNet trained = Scrambled(SmallSpec(), 10);
  SaveWeights(trained, folder / "weights.pt");
  ResNet network(SmallSpec(), trained->options);
  const torch::Tensor held_by_an_optimizer = network->fc->weight;
  LoadWeights(network, folder / "weights.pt");
  ExpectEqualState(network, trained);
  EXPECT_TRUE(torch::equal(held_by_an_optimizer, trained->fc->weight));
  EXPECT_TRUE(network->fc->weight.requires_grad());
}

TEST(Weights, AreFoundInACheckpointThatHoldsMore) {
  const Folder folder;
  const ResNet trained = Scrambled(SmallSpec(), 10);
  torch::optim::SGD optimizer(trained->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  torch::serialize::OutputArchive checkpoint;
  torch::serialize::OutputArchive model(checkpoint.compilation_unit());
  torch::serialize::OutputArchive state(checkpoint.compilation_unit());
  trained->save(model);
  optimizer.save(state);
  checkpoint.write("model", model);
  checkpoint.write("optimizer", state);
  checkpoint.write("epoch", torch::IValue(std::int64_t{3}));
  checkpoint.save_to(folder / "checkpoint.pt");
  ResNet network(SmallSpec(), trained->options);
  LoadWeights(network, folder / "checkpoint.pt");
  ExpectEqualState(network, trained);
}

torch::IValue DictionaryOf(const std::map<std::string, torch::Tensor>& tensors, const std::string& prefix = "") {
  c10::Dict<std::string, torch::Tensor> dictionary;
  for (const auto& [name, tensor] : tensors) dictionary.insert(prefix + name, tensor.detach());
  return dictionary;
}

// What torch.save writes in Python is a pickle in a zip file, which pickle_save writes, too.
void SavePickle(const torch::IValue& value, const std::string& file) {
  const std::vector<char> bytes = torch::pickle_save(value);
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST(Weights, OfPythonFitEvenWhereTheyDoNotCountBatches) {
  const Folder folder;
  const ResNet trained = Scrambled(SmallSpec(), 10);
  auto tensors = State(trained);
  for (auto it = tensors.begin(); it != tensors.end();) {
    it = it->first.find("num_batches_tracked") != std::string::npos ? tensors.erase(it) : std::next(it);
  }
  c10::impl::GenericDict checkpoint(c10::StringType::get(), c10::AnyType::get());
  checkpoint.insert("epoch", std::int64_t{3});
  checkpoint.insert("state_dict", DictionaryOf(tensors, "module."));
  for (const torch::IValue& value :
       {DictionaryOf(tensors), DictionaryOf(tensors, "module."), torch::IValue(checkpoint)}) {
    SavePickle(value, folder / "weights.pth");
    ResNet network(SmallSpec(), trained->options);
    LoadWeights(network, folder / "weights.pth");
    ExpectEqualState(network, trained);
  }
}

TEST(Weights, ThatDoNotFitSayWhyAndChangeNothing) {
  const Folder folder;
  const ResNet trained = Scrambled(SmallSpec(), 10);
  const auto tensors = State(trained);
  ResNet network(SmallSpec(), trained->options);
  const torch::Tensor before = network->fc->weight.detach().clone();
  const std::string file = folder / "weights.pth";
  auto complaint = [&] { return ComplaintOf([&] { LoadWeights(network, file); }); };

  EXPECT_THAT(complaint(), AllOf(HasSubstr("cannot read"), HasSubstr(file)));
  std::ofstream(file) << "no weights";
  EXPECT_THAT(complaint(), AllOf(HasSubstr("is no weights file; expected"), HasSubstr(file)));
  SaveWeights(trained, file);
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_THAT(complaint(), HasSubstr("is no weights file; expected"));

  auto fewer = tensors;
  fewer.erase("layer2.1.conv2.weight");
  fewer.erase("layer3.0.bn1.running_var");
  SavePickle(DictionaryOf(fewer), file);
  EXPECT_THAT(complaint(), AllOf(HasSubstr("are not those of small with 10 classes"), HasSubstr(file),
                                 HasSubstr("lack 2, the first being layer2.1.conv2.weight")));
  auto more = tensors;
  more["layer1.1.conv1.weight"] = torch::zeros({3, 4});
  SavePickle(DictionaryOf(more), file);
  EXPECT_THAT(complaint(), HasSubstr("they have layer1.1.conv1.weight Float [3, 4], which is none of its"));
  auto other = tensors;
  other["fc.weight"] = torch::zeros({7, 2048});
  SavePickle(DictionaryOf(other), file);
  EXPECT_THAT(complaint(), HasSubstr("fc.weight is Float [7, 2048]; expected Float [10, 2048]"));
  other["fc.weight"] = torch::zeros({10, 2048}, torch::kLong);
  SavePickle(DictionaryOf(other), file);
  EXPECT_THAT(complaint(), HasSubstr("fc.weight is Long [10, 2048]; expected Float"));
  EXPECT_TRUE(torch::equal(network->fc->weight, before));
}

// uint8 [rows, 3, height, width] of large squares: noise is averaged away, and all rows' logits would be alike.
torch::Tensor MakeImages(std::int64_t rows, std::int64_t height, std::int64_t width) {
  constexpr std::int64_t kSquare = 16;
  torch::manual_seed(7);
  const torch::Tensor squares =
      torch::randint(256, {rows, 3, height / kSquare + 1, width / kSquare + 1}, torch::kUInt8);
  const torch::Tensor images = squares.repeat_interleave(kSquare, 2).repeat_interleave(kSquare, 3);
  return images.slice(2, 0, height).slice(3, 0, width).contiguous();
}

torch::Tensor ToNhwc(const torch::Tensor& images) {
  return images.permute({0, 2, 3, 1}).contiguous();
}

// As near as rounding allows, for logits that differ from row to row.
void ExpectSameLogits(const torch::Tensor& got, const torch::Tensor& want) {
  ASSERT_EQ(got.sizes(), want.sizes());
  ASSERT_EQ(got.scalar_type(), torch::kFloat32);
  const double spread = want.std(0).max().item<double>();
  ASSERT_GT(spread, 1e-3 * want.abs().max().item<double>());
  EXPECT_LT((got - want).abs().max().item<double>(), 1e-3 * spread);
}

TEST(TeacherScript, GivesTheNetworksLogits) {
  std::vector<ResNetSpec> specs = {SmallSpec()};
  for (const char* name : {"ResNet18", "ResNet18_vd", "ResNet50_vd"}) specs.push_back(FindSpec(name));
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = MakeImages(3, 64, 64);
  for (const ResNetSpec& spec : specs) {
    SCOPED_TRACE(spec.name);
    ResNet network = Scrambled(spec, 10);
    const torch::Tensor want = network(PixelNormaliser(PixelLayout::kNchw)(images));
    torch::jit::Module script = MakeTeacherScript(network, PixelLayout::kNchw);
    network->fc->weight.zero_();  // the script has its own
    // More than once: TorchScript optimises by what it has seen.
    for (int run = 0; run < 3; ++run) ExpectSameLogits(script.forward({images}).toTensor(), want);
  }
}

TEST(TeacherScript, TakesWhatADecoderGives) {
  const torch::NoGradGuard no_grad;
  ResNet network = Scrambled(SmallSpec(), 10);
  const torch::Tensor images = ToNhwc(MakeImages(3, 45, 70));
  ExpectSameLogits(MakeTeacherScript(network, PixelLayout::kNhwc).forward({images}).toTensor(),
                   network(PixelNormaliser(PixelLayout::kNhwc)(images)));
}

TEST(TeacherScript, IsDescribedByItsSidecar) {
  ResNet network = Scrambled(SmallSpec(), 10);
  const std::string sidecar = MakeSidecar(network, PixelLayout::kNhwc, 160);
  std::string packed;
  std::copy_if(sidecar.begin(), sidecar.end(), std::back_inserter(packed),
               [](char c) { return c != ' ' && c != '\n'; });
  EXPECT_EQ(packed, R"({"name":"small","inputs":[{"name":"image","datatype":"UINT8","shape":[-1,160,160,3]}],)"
                    R"("outputs":[{"name":"score","datatype":"FP32","shape":[-1,10]}]})");
}

// What the program says, on both streams, and its exit status.
std::pair<std::string, int> RunExport(const std::string& arguments) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((EXPORT_TEACHER " " + arguments + " 2>&1").c_str(), "r"), pclose);
  std::string text;
  char buffer[4096];
  while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, got);
  const int status = pclose(pipe.release());
  return {text, WEXITSTATUS(status)};
}

// The logits that a teacher process gives through a reader.
torch::Tensor AskTeacher(const std::string& script, const torch::Tensor& images) {
  auto teacher = edl::testing::TeacherProcess::Start(
                     {EDL_TEACHER, "--model", script, "--host", "127.0.0.1", "--port", "0", "--log-level", "warn"})
                     .value();
  std::vector<edl::Fields> batches = {{edl::FromTorch(images).value()}};
  edl::ReaderOptions options;
  options.fields = {"image"};
  options.predictions = {"score"};
  options.teacher_batch_rows = 2;
  auto reader = edl::DistillReader::Create(edl::FromBatches(std::move(batches)),
                                           edl::FixedTeachers({teacher->endpoint()}), options)
                    .value();
  const edl::DistilledBatch batch = reader->Next().value().value();
  return edl::ToTorch(batch.at("score")).value();
}

TEST(ExportTeacher, WritesWhatEdlTeacherServesAndTheNetworkWouldAnswer) {
  const Folder folder;
  const torch::NoGradGuard no_grad;
  ResNet network = Scrambled(FindSpec("ResNet18_vd"), 7);
  SaveWeights(network, folder / "weights.pt");
  const std::string script = folder / "teacher.pt";
  const auto [text, status] =
      RunExport(absl::StrCat("--model ResNet18_vd --classes 7 --image_size 64 --layout NHWC --weights ",
                             folder / "weights.pt", " --output ", script));
  ASSERT_EQ(status, 0) << text;
  EXPECT_THAT(text, AllOf(HasSubstr("ResNet18_vd with 7 classes"), HasSubstr("the weights of"), HasSubstr(script)));
  const torch::Tensor images = ToNhwc(MakeImages(5, 64, 64));
  ExpectSameLogits(AskTeacher(script, images), network(PixelNormaliser(PixelLayout::kNhwc)(images)));
  EXPECT_EQ(folder.file_count(), 3U) << "a temporary file was left";
}

TEST(ExportTeacher, SaysThatRandomWeightsAreRandomAndFollowTheirSeed) {
  const Folder folder;
  const std::string arguments = "--model ResNet18 --classes 4 --image-size 32 --output ";
  const auto [text, status] = RunExport(arguments + (folder / "one.pt") + " --seed 3");
  ASSERT_EQ(status, 0) << text;
  EXPECT_THAT(text, HasSubstr("RANDOM weights of seed 3, which teach nothing"));
  torch::manual_seed(3);
  ResNetOptions options;
  options.classes = 4;
  ResNet network(FindSpec("ResNet18"), options);
  network->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = MakeImages(2, 32, 32);
  torch::jit::Module script = torch::jit::load(folder / "one.pt");
  ExpectSameLogits(script.forward({images}).toTensor(), network(PixelNormaliser(PixelLayout::kNchw)(images)));
}

TEST(ExportTeacher, HelpTeaches) {
  const auto [text, status] = RunExport("--help");
  EXPECT_EQ(status, 0);
  for (const std::string& name : ModelNames()) EXPECT_THAT(text, HasSubstr(name));
  for (const char* part : {"edl-teacher --model teacher.pt", "--weights", "torch::save", "uint8", "--seed", "NHWC"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ExportTeacher, SaysWhyItCannot) {
  const Folder folder;
  const ResNet other = Scrambled(FindSpec("ResNet18"), 4);
  SaveWeights(other, folder / "resnet18.pt");
  const std::string output = " --output " + (folder / "teacher.pt");
  const std::string weights = " --weights " + (folder / "resnet18.pt");
  struct Case {
    std::string arguments, says;
  };
  for (const Case& c : std::vector<Case>{
           {"--model ResNet51" + output, "no model is called 'ResNet51'; expected one of ResNet18"},
           {"--model ResNet18 --weights /no/such.pt" + output, "cannot read the weights file '/no/such.pt'"},
           {"--model ResNet18 --classes 5" + weights + output, "fc.bias is Float [4]; expected Float [5]"},
           {"--model ResNet18_vd --classes 4" + weights + output, "they lack 23, the first being conv1.0.weight"},
           {"--model ResNet18 --classes 4 --output /no/such/teacher.pt" + weights, "cannot write '/no/such/teacher.pt"},
           {"--classes 0" + output, "--classes: Value 0 not in range"},
           {"--image-size 8" + output, "--image-size: Value 8 not in range"},
           {"--layout CHWN" + output, "--layout: CHWN not in {NCHW,NHWC}"},
           {"--seed 3" + weights, "--weights excludes --seed"},
       }) {
    const auto [text, status] = RunExport(c.arguments);
    EXPECT_NE(status, 0) << c.arguments;
    EXPECT_THAT(text, HasSubstr(c.says)) << c.arguments;
    EXPECT_THAT(text, Not(HasSubstr("Exception raised from"))) << c.arguments;  // a C++ stack tells a user nothing
  }
  EXPECT_EQ(folder.file_count(), 1U) << "of what failed, nothing is left";
}

}  // namespace
}  // namespace resnet
