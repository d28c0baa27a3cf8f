// SPDX-License-Identifier: Apache-2.0
// train_resnet: trains a network of the ResNet family on a folder of images: without a teacher, with one in this
// process, or distilled from a service.
#include <torch/script.h>
#include <torch/torch.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "edl/distill_reader.h"
#include "edl/testing/fake_teacher.h"
#include "examples/resnet50_vd/benchmark.h"
#include "examples/resnet50_vd/checkpoint.h"
#include "examples/resnet50_vd/epoch_loop.h"
#include "examples/resnet50_vd/flags.h"
#include "examples/resnet50_vd/image_loader.h"
#include "examples/resnet50_vd/modes.h"
#include "examples/resnet50_vd/ranks.h"
#include "examples/resnet50_vd/stop_signal.h"
#include "examples/resnet50_vd/weights.h"

namespace resnet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHelp =
    "Trains ResNet50_vd and its family on a folder of images.\n\n"
    "  train_resnet --data_dir=./ImageNet                                              without a teacher\n"
    "  train_resnet --data_dir=./ImageNet --teacher_in_process=teacher.pt              with one in this process\n"
    "  train_resnet --data_dir=./ImageNet --use_distill_service=True \\\n"
    "               --distill_teachers=10.0.0.2:9898,10.0.0.3:9898                     distilled from a service\n"
    "  train_resnet --data_dir=./ImageNet --use_distill_service=True \\\n"
    "               --redis=redis://10.0.0.1:6379 --service=resnext101                 whose teachers come and go\n"
    "  torchrun --nproc_per_node=4 --no_python train_resnet …                          by four students together\n"
    "  train_resnet --benchmark=10 --timed_teachers=2 --teacher_ms=20                  measures, without any data\n\n"
    "SIGTERM (or Ctrl-C) writes a checkpoint and ends with status 0; --resume goes on from there.";

// What the user has to mend, without what only a programmer wants to know.
template <typename T>
T ValueOf(absl::StatusOr<T> value) {
  if (!value.ok()) throw std::runtime_error(std::string(value.status().message()));
  return *std::move(value);
}

std::int64_t LocalRank() {
  const char* text = std::getenv("LOCAL_RANK");
  return text == nullptr ? 0 : std::atoi(text);
}

// Every `size`-th image from `rank` on: each is in one share, though shares may differ by one.
ImageList ShareOfList(const ImageList& list, const Ranks& ranks) {
  ImageList share = list;
  share.images.clear();
  for (std::size_t i = static_cast<std::size_t>(ranks.rank()); i < list.images.size();
       i += static_cast<std::size_t>(ranks.size())) {
    share.images.push_back(list.images[i]);
  }
  return share;
}

LoaderOptions MakeLoaderOptions(const Flags& flags, LoaderOptions options) {
  options.batch_rows = flags.batch_size;
  options.views.side = static_cast<int>(flags.image_size);
  options.views.layout = flags.image_layout == "NHWC" ? Layout::kNhwc : Layout::kNchw;
  options.on_bad_image = flags.on_bad_image == "skip" ? OnBadImage::kSkip : OnBadImage::kFail;
  options.seed = flags.seed;
  options.threads = flags.reader_thread;
  return options;
}

std::unique_ptr<ImageLoader> TrainingLoader(const Flags& flags, const ImageList& list, const Ranks& ranks) {
  LoaderOptions options = MakeLoaderOptions(flags, {});
  options.mixup_alpha = flags.mixup_alpha;
  options.rank = ranks.rank();
  options.world_size = ranks.size();
  return ValueOf(ImageLoader::Create(list, std::move(options)));
}

ResNet MakeNetwork(const Flags& flags, std::int64_t classes, torch::Device device) {
  torch::manual_seed(flags.seed);
  ResNet network(FindSpec(flags.model), ResNetOptions{classes, false});
  if (!flags.pretrained.empty()) LoadWeights(network, flags.pretrained);
  network->to(device);
  UseChannelsLast(*network);
  return network;
}

std::unique_ptr<edl::TeacherWatcher> MakeTeachers(const Flags& flags) {
  if (!flags.redis.empty()) return edl::RedisTeachers({flags.redis, flags.service});
  return edl::FixedTeachers(absl::StrSplit(flags.distill_teachers, ',', absl::SkipWhitespace()));
}

std::unique_ptr<Mode> MakeService(const Flags& flags, Loader loader, torch::Device device,
                                  std::unique_ptr<edl::TeacherWatcher> teachers) {
  edl::ReaderOptions options;
  options.teacher_batch_rows = flags.teacher_batch_rows;
  return ServiceMode(std::move(loader), device, std::move(teachers), options);
}

std::unique_ptr<Mode> MakeMode(const Flags& flags, Loader loader, torch::Device device) {
  if (flags.use_distill_service) return MakeService(flags, std::move(loader), device, MakeTeachers(flags));
  if (flags.teacher_in_process.empty()) return PlainMode(std::move(loader), device);
  return InProcessMode(std::move(loader), device, torch::jit::load(flags.teacher_in_process));
}

std::string BadImages(const ImageLoader& loader) {
  const LoaderStats stats = loader.stats();
  if (stats.bad_images == 0) return "";
  return absl::StrCat("  ", stats.bad_images, " images could not be read so far; others stood in for them");
}

// Counts right answers on this rank's share.
Score Validate(Trainer& trainer, const ImageLoader& loader, torch::Device device) {
  const std::unique_ptr<Mode> mode = PlainMode({loader.Epochs(), loader.fields()}, device);
  BatchStream next = mode->NextEpoch();
  Score sum;
  while (const std::optional<Batch> batch = next()) {
    const Score score = trainer.Classify(*batch);
    sum = {sum.rows + score.rows, sum.top1 + score.top1, sum.top5 + score.top5};
  }
  return sum;
}

// The training images that an epoch visits, and how many classes the network tells apart.
struct Data {
  ImageList images;
  std::int64_t classes = 0;
  std::unique_ptr<ImageLoader> training;
  std::unique_ptr<ImageLoader> validation;  // null: nothing for this rank to validate on
};

Data OpenData(const Flags& flags, const Ranks& ranks) {
  Data data;
  data.images = ValueOf(FindImages(flags.data_dir, Part::kTrain));
  data.classes = flags.class_dim > 0 ? flags.class_dim : data.images.class_count;
  if (data.classes < data.images.class_count) {
    throw std::invalid_argument(
        absl::StrCat("--class_dim=", flags.class_dim, ", but the images are of ", data.images.class_count, " classes"));
  }
  data.training = TrainingLoader(flags, data.images, ranks);
  if (!flags.validate) return data;
  const ImageList list = ValueOf(FindImages(flags.data_dir, Part::kValidation));
  if (absl::Status same = CheckSameClasses(data.images, list); !same.ok()) {
    throw std::invalid_argument(std::string(same.message()));
  }
  ImageList share = ShareOfList(list, ranks);
  if (share.images.empty()) return data;
  data.validation =
      ValueOf(ImageLoader::Create(std::move(share), MakeLoaderOptions(flags, LoaderOptions::ForValidation())));
  return data;
}

// Where the training begins: where a checkpoint says, if there is one and it is wanted.
Position Begin(const Flags& flags, const EpochLoopOptions& options, Trainer& trainer, bool first) {
  const bool there = fs::exists(options.checkpoint);
  if (!flags.resume || !there) {
    if (first && flags.resume) std::printf("no %s is there: the training begins anew\n", options.checkpoint.c_str());
    if (first && !flags.resume && there) {
      std::printf("%s is there, and will be replaced; --resume would go on from it\n", options.checkpoint.c_str());
    }
    return {};
  }
  const Position from = LoadCheckpoint(options.checkpoint, trainer, options.settings);
  if (first && from.epoch >= options.epochs) {
    std::printf("%s is of the end of the training: nothing is left to do\n", options.checkpoint.c_str());
  } else if (first) {
    std::printf("goes on with batch %lld of epoch %lld\n", static_cast<long long>(from.batch + 1),
                static_cast<long long>(from.epoch + 1));
  }
  return from;
}

// Ranks on several hosts may each have found something else there.
void CheckThatRanksAgree(Ranks& ranks, Position from, const Data& data) {
  const std::vector<double> mine = {static_cast<double>(from.epoch), static_cast<double>(from.batch),
                                    static_cast<double>(data.images.images.size()), static_cast<double>(data.classes)};
  const std::vector<double> sum = ranks.Sum(mine);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    if (sum[i] == mine[i] * ranks.size()) continue;
    throw std::runtime_error(
        "the ranks do not agree on epoch, batch, images and classes: do all of them see the same --data_dir and "
        "--model_save_dir?");
  }
}

int Train(const Flags& flags) {
  const torch::Device device = flags.MakeDevice(static_cast<int>(LocalRank()));
  const std::unique_ptr<Ranks> ranks = Ranks::Join(RankOptions::FromEnvironment(), device);
  const bool first = ranks->rank() == 0;
  const Data data = OpenData(flags, *ranks);
  Trainer trainer(MakeNetwork(flags, data.classes, device), flags.MakeTrainerOptions(), device,
                  data.training->batches_per_epoch(), *ranks);
  EpochLoopOptions options;
  options.epochs = flags.num_epochs;
  options.batches_per_epoch = data.training->batches_per_epoch();
  options.checkpoint = fs::path(flags.model_save_dir) / "checkpoint.pt";
  options.checkpoint_interval = flags.checkpoint_interval;
  const auto image_count = static_cast<std::int64_t>(data.images.images.size());
  options.settings = flags.Settings(data.classes, image_count, ranks->size());
  fs::create_directories(flags.model_save_dir);
  if (first) {
    std::printf("%s on %s, %d rank(s): %lld images of %lld classes, %lld batches of %lld an epoch\n",
                trainer.network()->Describe().c_str(), device.str().c_str(), ranks->size(),
                static_cast<long long>(image_count), static_cast<long long>(data.images.class_count),
                static_cast<long long>(options.batches_per_epoch), static_cast<long long>(flags.batch_size));
  }
  const Position from = Begin(flags, options, trainer, first);
  CheckThatRanksAgree(*ranks, from, data);

  const std::unique_ptr<Mode> mode = MakeMode(flags, {data.training->Epochs(from), data.training->fields()}, device);
  const bool alone = ranks->size() == 1;  // else a rank that waits is needed by the others
  StopSignal stop([&] {
    if (alone) mode->Stop();
  });
  std::function<Score()> validate;
  if (flags.validate)
    validate = [&] { return data.validation ? Validate(trainer, *data.validation, device) : Score(); };
  EpochLoop loop(
      {trainer, *mode, *ranks, [&] { return stop.requested(); }, validate, [&] { return BadImages(*data.training); }},
      options);
  const LoopEnd end = loop.Run(from);
  if (first) {
    std::printf("%s: %s\n", end == LoopEnd::kDone ? "done" : "stopped, to go on with --resume",
                options.checkpoint.c_str());
  }
  return 0;
}

// A teacher that only waits, as one does whose accelerator is elsewhere.
std::unique_ptr<edl::testing::FakeTeacher> StartTimedTeacher(const BenchmarkOptions& options, double milliseconds) {
  const std::int64_t side = options.image_size, classes = options.classes;
  const edl::Shape images =
      options.layout == PixelLayout::kNchw ? edl::Shape{-1, 3, side, side} : edl::Shape{-1, side, side, 3};
  edl::testing::FakeTeacherOptions teacher;
  teacher.delay = [milliseconds](const std::vector<edl::Tensor>&) {
    return std::chrono::microseconds(static_cast<std::int64_t>(1000 * milliseconds));
  };
  auto answer = [classes](const std::vector<edl::Tensor>& inputs) -> absl::StatusOr<std::vector<edl::Tensor>> {
    const std::int64_t rows = inputs[0].rows();
    return std::vector<edl::Tensor>{
        edl::Tensor::FromVector({rows, classes}, std::vector<float>(static_cast<std::size_t>(rows * classes))).value()};
  };
  edl::ModelInfo info{
      "timed", "1", "fake", {{"image", edl::DType::kUint8, images}}, {{"score", edl::DType::kFp32, {-1, classes}}}};
  return edl::testing::FakeTeacher::Start(std::move(info), answer, std::move(teacher)).value();
}

int Benchmark(const Flags& flags) {
  const torch::Device device = flags.MakeDevice(static_cast<int>(LocalRank()));
  BenchmarkOptions options;
  options.steps = flags.benchmark;
  options.batch_rows = flags.batch_size;
  options.image_size = flags.image_size;
  options.classes = flags.class_dim > 0 ? flags.class_dim : 1000;
  options.layout = flags.MakeTrainerOptions().layout;
  options.student = absl::StrCat(flags.model, ", ", device.str());
  std::vector<std::unique_ptr<edl::testing::FakeTeacher>> timed;
  std::vector<std::string> endpoints;
  for (int i = 0; i < flags.timed_teachers; ++i) {
    timed.push_back(StartTimedTeacher(options, flags.teacher_ms));
    endpoints.push_back(timed.back()->endpoint());
  }
  std::vector<BenchmarkMode> modes;
  modes.push_back({"no distillation", "none", [&](Loader loader) { return PlainMode(std::move(loader), device); }});
  if (!flags.teacher_in_process.empty()) {
    modes.push_back({"teacher and student in one process", fs::path(flags.teacher_in_process).filename().string(),
                     [&](Loader loader) {
                       return InProcessMode(std::move(loader), device, torch::jit::load(flags.teacher_in_process));
                     }});
  }
  if (!timed.empty()) {
    modes.push_back(
        {"service-type distillation", absl::StrCat(timed.size(), " timed, ", flags.teacher_ms, " ms a request"),
         [&](Loader loader) { return MakeService(flags, std::move(loader), device, edl::FixedTeachers(endpoints)); }});
  } else if (!flags.distill_teachers.empty() || !flags.redis.empty()) {
    modes.push_back(
        {"service-type distillation",
         flags.redis.empty() ? flags.distill_teachers : absl::StrCat("service ", flags.service),
         [&](Loader loader) { return MakeService(flags, std::move(loader), device, MakeTeachers(flags)); }});
  }
  const std::unique_ptr<Ranks> alone = Ranks::Join({}, device);
  Trainer trainer(MakeNetwork(flags, options.classes, device), flags.MakeTrainerOptions(), device, 1, *alone);
  std::printf("\n%s", RunBenchmark(trainer, modes, options).c_str());
  if (modes.size() == 1) {
    std::printf(
        "Other modes need a teacher: --teacher_in_process=FILE; --distill_teachers, --redis and --service, or "
        "--timed_teachers\n");
  }
  return 0;
}

// OpenMP threads that spin while they wait starve whoever shares the cores, as decoders do. The variable is read when
// libgomp is loaded, which is before main: so the program is started over, once.
void LetOpenMpThreadsSleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  execv("/proc/self/exe", argv);
}

}  // namespace
}  // namespace resnet

int main(int argc, char** argv) {
  resnet::LetOpenMpThreadsSleep(argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a log file shows progress, too
  resnet::Flags flags;
  CLI::App app(resnet::kHelp);
  flags.AddTo(app);
  CLI11_PARSE(app, argc, argv);
  try {
    flags.Check();
    return flags.benchmark > 0 ? resnet::Benchmark(flags) : resnet::Train(flags);
  } catch (const c10::Error& error) {
    std::fprintf(stderr, "\ntrain_resnet: %s\n", error.what_without_backtrace());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\ntrain_resnet: %s\n", error.what());
  }
  return 1;
}
