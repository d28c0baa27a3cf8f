// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/flags.h"

#include <torch/cuda.h>

#include <cstdlib>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace resnet {
namespace {

// All digits: a training goes on only with the very number that it began with.
std::string Exactly(double value) {
  return absl::StrFormat("%.17g", value);
}

void AddData(CLI::App& app, Flags& flags) {
  app.add_option("--model", flags.model, "The student")->check(CLI::IsMember(ModelNames()));
  app.add_option("--class_dim", flags.class_dim, "Classes; 0: as many as the data has")->check(CLI::NonNegativeNumber);
  app.add_option("--data_dir", flags.data_dir,
                 "Folder with train_list.txt and val_list.txt ('path label' a line), or with train/CLASS/ and "
                 "val/CLASS/");
  app.add_option("--image_size", flags.image_size, "Pixels of the side that the student sees")
      ->check(CLI::Range(8, 4096));
  app.add_option("--image_shape", flags.image_shape, "The same in the original's words: 3,224,224")->delimiter(',');
  app.add_option("--batch_size", flags.batch_size, "Images a step, on each rank")->check(CLI::Range(1, 1 << 16));
  app.add_option("--reader_thread", flags.reader_thread, "Threads that decode images")->check(CLI::Range(1, 256));
  app.add_option("--image_layout,--data_format", flags.image_layout,
                 "How images travel; the teachers' model takes the same")
      ->check(CLI::IsMember({"NCHW", "NHWC"}));
  app.add_option("--on_bad_image", flags.on_bad_image, "What becomes of an image that cannot be read")
      ->check(CLI::IsMember({"skip", "fail"}));
  app.add_option("--pretrained,--pretrained_model", flags.pretrained, "Weights to begin with")
      ->check(CLI::ExistingFile);
}

void AddTraining(CLI::App& app, Flags& flags) {
  app.add_option("--num_epochs", flags.num_epochs, "Epochs in all")->check(CLI::Range(1, 100'000));
  app.add_option("--lr", flags.lr, "Learning rate at its highest, for one rank's batch times the ranks")
      ->check(CLI::PositiveNumber);
  app.add_option("--lr_strategy", flags.lr_strategy, "How it falls")
      ->check(CLI::IsMember({"cosine_decay", "cosine_warmup_decay", "piecewise_decay"}));
  app.add_option("--warm_up_epochs", flags.warm_up_epochs, "Epochs in which it rises to that")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--decay_epochs", flags.decay_epochs, "Epochs at which piecewise_decay divides it by 10")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--momentum_rate", flags.momentum_rate, "Momentum")->check(CLI::Range(0.0, 1.0));
  app.add_option("--l2_decay", flags.l2_decay, "Weight decay; norms and biases have none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--use_label_smoothing", flags.use_label_smoothing,
                 "False: off, whatever follows; True: by 0.1 unless it says more");
  app.add_option("--label_smoothing_epsilon", flags.label_smoothing_epsilon, "Of the hard labels")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--use_mixup", flags.use_mixup, "False: off, whatever follows; True: by 0.2 unless it says more");
  app.add_option("--mixup_alpha", flags.mixup_alpha, "Blends images, by Beta(alpha, alpha); 0: does not")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--freeze_norms", flags.freeze_norms, "Norms keep what they have learned (fine-tuning)");
  app.add_option("--amp,--fp16", flags.amp, "Mixed precision, bfloat16, on CUDA");
  app.add_option("--device", flags.device, "'cpu', 'cuda' or 'cuda:N'; by default CUDA where there is one");
  app.add_option("--seed", flags.seed, "Of weights and images");
}

void AddDistillation(CLI::App& app, Flags& flags) {
  app.add_option("--use_distill_service", flags.use_distill_service, "True: soft labels come from a service");
  app.add_option("--distill_teachers", flags.distill_teachers, "Its teachers: host:port,host:port,…");
  app.add_option("--redis", flags.redis, "Or the registry in which they come and go: redis://host:port");
  app.add_option("--service", flags.service, "Their name there");
  app.add_option("--teacher_in_process", flags.teacher_in_process,
                 "Conventional mode: this TorchScript teacher (export_teacher) runs between the student's steps")
      ->check(CLI::ExistingFile);
  app.add_option("--distill_weight", flags.distill_weight, "Of the soft labels; the hard ones have the rest")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--temperature", flags.temperature, "Of the soft labels")->check(CLI::PositiveNumber);
  app.add_option("--teacher_batch_rows", flags.teacher_batch_rows, "Images in one request")
      ->check(CLI::Range(1, 1 << 16));
}

void AddOutput(CLI::App& app, Flags& flags) {
  app.add_option("--model_save_dir", flags.model_save_dir, "Where checkpoint.pt goes, at the end of each epoch");
  app.add_option("--checkpoint_interval", flags.checkpoint_interval, "And after so many batches; 0: not in mid-epoch")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--resume", flags.resume, "Go on from checkpoint.pt if there is one, as if there had been no break");
  app.add_option("--validate,--do_test", flags.validate,
                 "Count right answers on the validation images after each epoch");
  app.add_option("--benchmark", flags.benchmark,
                 "Measure so many steps of each mode for which there is a teacher, on synthetic images, and end")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--benchmark_rounds", flags.benchmark_rounds, "So many times, in turns; medians are given")
      ->check(CLI::Range(1, 1000));
  app.add_option("--benchmark_warmup", flags.benchmark_warmup,
                 "Steps at the beginning of each that do not count; a service has batches ready by then")
      ->check(CLI::PositiveNumber);
  app.add_option("--timed_teachers", flags.timed_teachers,
                 "With --benchmark: so many teachers that only wait stand in for accelerators on other machines")
      ->check(CLI::Range(0, 1024));
  app.add_option("--teacher_ms", flags.teacher_ms, "How long each of them takes for a request")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace

void Flags::AddTo(CLI::App& app) {
  app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  AddData(app, *this);
  AddTraining(app, *this);
  AddDistillation(app, *this);
  AddOutput(app, *this);
}

void Flags::Settle() {
  SettleImageShape();
  auto settle = [](std::optional<bool> use, double& amount, double usual) {
    if (use) amount = *use ? (amount > 0 ? amount : usual) : 0;
  };
  settle(use_label_smoothing, label_smoothing_epsilon, 0.1);
  settle(use_mixup, mixup_alpha, 0.2);
  if (warm_up_epochs >= static_cast<double>(num_epochs)) {
    throw std::invalid_argument(
        absl::StrCat("--warm_up_epochs=", warm_up_epochs, "; expected less than --num_epochs=", num_epochs));
  }
  if (amp && device == "cpu") throw std::invalid_argument("--amp=True is for CUDA, and --device=cpu is none");
  CheckTeachers();
}

std::string Flags::Warning() const {
  const bool taught = use_distill_service || !teacher_in_process.empty();
  if (!taught || distill_weight < 1 || label_smoothing_epsilon == 0) return "";
  return "label smoothing does nothing here: with --distill_weight=1 the student learns from soft labels alone";
}

void Flags::SettleImageShape() {
  if (image_shape.empty()) return;
  if (image_shape.size() != 3 || image_shape[0] != 3 || image_shape[1] != image_shape[2] || image_shape[1] < 8) {
    throw std::invalid_argument(absl::StrCat("--image_shape=", absl::StrJoin(image_shape, ","),
                                             "; expected 3,SIDE,SIDE: coloured squares of 8 pixels or more"));
  }
  image_size = image_shape[1];
}

void Flags::CheckTeachers() const {
  if (redis.empty() != service.empty()) {
    throw std::invalid_argument("--redis and --service go together: where the registry is, and which teachers of it");
  }
  const bool teachers = !distill_teachers.empty() || !redis.empty();
  if (!distill_teachers.empty() && !redis.empty()) {
    throw std::invalid_argument("--distill_teachers and --redis exclude each other: teachers are given, or found");
  }
  if (benchmark > 0) return;
  if (timed_teachers > 0) throw std::invalid_argument("--timed_teachers is for --benchmark");
  if (use_distill_service && !teachers && std::getenv("EDL_TEACHERS") == nullptr) {
    throw std::invalid_argument(
        "--use_distill_service=True needs to know the teachers: --distill_teachers=host:port,… or --redis and "
        "--service, or EDL_TEACHERS");
  }
  if (!use_distill_service && teachers) {
    throw std::invalid_argument("teachers are given, but not --use_distill_service=True");
  }
  if (use_distill_service && !teacher_in_process.empty()) {
    throw std::invalid_argument("--use_distill_service and --teacher_in_process exclude each other");
  }
}

Schedule Flags::MakeSchedule() const {
  Schedule schedule;
  schedule.peak_rate = lr;
  schedule.decay = lr_strategy == "piecewise_decay" ? Decay::kPiecewise : Decay::kCosine;
  schedule.epochs = static_cast<double>(num_epochs);
  schedule.warmup_epochs = warm_up_epochs;
  schedule.boundaries = decay_epochs;
  return schedule;
}

TrainerOptions Flags::MakeTrainerOptions() const {
  TrainerOptions options;
  options.schedule = MakeSchedule();
  options.loss = {label_smoothing_epsilon, distill_weight, temperature};
  options.momentum = momentum_rate;
  options.weight_decay = l2_decay;
  options.norms = freeze_norms ? Norms::kFrozen : Norms::kLearn;
  options.mixed_precision = amp;
  options.layout = image_layout == "NHWC" ? PixelLayout::kNhwc : PixelLayout::kNchw;
  return options;
}

torch::Device Flags::MakeDevice(int local_rank) const {
  if (device.empty() && !torch::cuda::is_available()) return torch::kCPU;
  torch::Device chosen(device.empty() ? "cuda" : device);
  if (!chosen.is_cuda()) return chosen;
  if (!torch::cuda::is_available()) throw std::invalid_argument("--device=" + device + ": there is no CUDA here");
  return chosen.has_index() ? chosen : torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(local_rank));
}

std::string Flags::Settings(std::int64_t classes, std::int64_t images, int world_size) const {
  const char* mode = use_distill_service ? "service" : teacher_in_process.empty() ? "plain" : "in process";
  return absl::StrCat(
      "model = ", model, "\nclasses = ", classes, "\nimages = ", images, "\nimage_size = ", image_size,
      "\nbatch_size = ", batch_size, "\nranks = ", world_size, "\nnum_epochs = ", num_epochs, "\nlr = ", Exactly(lr),
      "\nlr_strategy = ", lr_strategy, "\nwarm_up_epochs = ", Exactly(warm_up_epochs),
      "\ndecay_epochs = ", absl::StrJoin(decay_epochs, ","), "\nmomentum_rate = ", Exactly(momentum_rate),
      "\nl2_decay = ", Exactly(l2_decay), "\nlabel_smoothing_epsilon = ", Exactly(label_smoothing_epsilon),
      "\nmixup_alpha = ", Exactly(mixup_alpha), "\nfreeze_norms = ", freeze_norms, "\namp = ", amp, "\nseed = ", seed,
      "\nsoft labels = ", mode, "\ndistill_weight = ", Exactly(distill_weight),
      "\ntemperature = ", Exactly(temperature), "\n");
}

}  // namespace resnet
