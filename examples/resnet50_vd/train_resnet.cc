// SPDX-License-Identifier: Apache-2.0
// train_resnet: trains a network of the ResNet family on a folder of images: without a teacher, with one in this
// process, or distilled from a service.
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/script.h>
#include <torch/torch.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
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
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "edl/distill_reader.h"
#include "examples/resnet50_vd/benchmark.h"
#include "examples/resnet50_vd/checkpoint.h"
#include "examples/resnet50_vd/epoch_loop.h"
#include "examples/resnet50_vd/flags.h"
#include "examples/resnet50_vd/modes.h"
#include "examples/resnet50_vd/ranks.h"
#include "examples/resnet50_vd/stop_signal.h"
#include "examples/resnet50_vd/timed_teacher.h"
#include "examples/resnet50_vd/training_data.h"
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

// The device of this rank, which is the thread's current one from here on: what libtorch makes by itself lies there.
torch::Device ChooseDevice(const Flags& flags) {
  const char* text = std::getenv("LOCAL_RANK");
  int local_rank = 0;
  if (text != nullptr && (!absl::SimpleAtoi(text, &local_rank) || local_rank < 0)) {
    throw std::invalid_argument(absl::StrCat("LOCAL_RANK is '", text, "'; expected a number, as torchrun sets it"));
  }
  const torch::Device device = flags.MakeDevice(local_rank);
  if (device.is_cuda()) c10::impl::VirtualGuardImpl(device.type()).setDevice(device);
  return device;
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
void CheckThatRanksAgree(Ranks& ranks, Position from, const TrainingData& data) {
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
  StopSignal stop;  // whatever it comes into
  const torch::Device device = ChooseDevice(flags);
  const std::unique_ptr<Ranks> ranks = Ranks::Join(RankOptions::FromEnvironment(), device);
  const bool first = ranks->rank() == 0;
  const TrainingData data = OpenTrainingData(flags, *ranks);
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
    const std::string warning = flags.Warning();
    if (!warning.empty()) std::printf("%s\n", warning.c_str());
  }
  const Position from = Begin(flags, options, trainer, first);
  CheckThatRanksAgree(*ranks, from, data);

  const std::unique_ptr<Mode> mode = MakeMode(flags, {data.training->Epochs(from), data.training->fields()}, device);
  const bool alone = ranks->size() == 1;  // else a rank that waits is needed by the others
  const StopSignal::Hook stop_waiting(stop, [&] {
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

int Benchmark(const Flags& flags) {
  const torch::Device device = ChooseDevice(flags);
  BenchmarkOptions options;
  options.steps = flags.benchmark;
  options.warmup_steps = flags.benchmark_warmup;
  options.rounds = flags.benchmark_rounds;
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
  }
  if (!flags.distill_teachers.empty() || !flags.redis.empty()) {
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

// Two fifths of the time of a step on a CPU are page faults, if glibc gives each large tensor back to the kernel and
// takes it again; with more threads in the process they are dearer. What is freed is kept instead.
void KeepFreedMemory() {
#ifdef __GLIBC__
  constexpr int kMegabyte = 1 << 20;
  mallopt(M_TRIM_THRESHOLD, 2047 * kMegabyte);  // both are as high as they go
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);
#endif
}

}  // namespace
}  // namespace resnet

int main(int argc, char** argv) {
  resnet::LetOpenMpThreadsSleep(argv);
  resnet::KeepFreedMemory();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a log file shows progress, too
  resnet::Flags flags;
  CLI::App app(resnet::kHelp);
  flags.AddTo(app);
  CLI11_PARSE(app, argc, argv);
  try {
    flags.Settle();
    return flags.benchmark > 0 ? resnet::Benchmark(flags) : resnet::Train(flags);
  } catch (const c10::Error& error) {
    std::fprintf(stderr, "\ntrain_resnet: %s\n", error.what_without_backtrace());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\ntrain_resnet: %s\n", error.what());
  }
  return 1;
}
