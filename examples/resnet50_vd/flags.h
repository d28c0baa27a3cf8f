// SPDX-License-Identifier: Apache-2.0
// Flags: train_resnet's command line, in the words of the original's trainer for what both have. (The original also
// scales --lr by the batch; here it is taken as it is given.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "examples/resnet50_vd/trainer.h"

namespace resnet {

struct Flags {
  // The network and its data.
  std::string model = "ResNet50_vd";
  std::int64_t class_dim = 0;  // 0: as many as the data has
  std::string data_dir = "./ImageNet";
  std::int64_t image_size = 224;
  std::vector<std::int64_t> image_shape;  // {3, image_size, image_size}, when it is given
  std::int64_t batch_size = 32;
  int reader_thread = 8;
  std::string image_layout = "NCHW";
  std::string on_bad_image = "skip";
  std::string pretrained;

  // Training.
  std::int64_t num_epochs = 120;
  double lr = 0.1;
  std::string lr_strategy = "cosine_decay";
  double warm_up_epochs = 0;
  std::vector<double> decay_epochs = {30, 60, 90};
  double momentum_rate = 0.9;
  double l2_decay = 1e-4;
  // Each is on when its number is above 0, unless the flag that the original has for it says otherwise.
  std::optional<bool> use_label_smoothing;
  double label_smoothing_epsilon = 0;
  std::optional<bool> use_mixup;
  double mixup_alpha = 0;
  bool freeze_norms = false;
  bool amp = false;
  std::string device;
  std::uint64_t seed = 0;

  // Distillation.
  bool use_distill_service = false;
  std::string distill_teachers;
  std::string redis;
  std::string service;
  std::string teacher_in_process;
  double distill_weight = 1;
  double temperature = 1;
  std::int64_t teacher_batch_rows = 32;

  // What it leaves behind.
  std::string model_save_dir = "output";
  std::int64_t checkpoint_interval = 0;
  bool resume = false;
  bool validate = true;
  std::int64_t benchmark = 0;
  int benchmark_rounds = 5;
  std::int64_t benchmark_warmup = 2;
  int timed_teachers = 0;
  double teacher_ms = 0;

  void AddTo(CLI::App& app);

  // After parsing: what several flags say together. Throws std::invalid_argument: some exclude or need each other.
  void Settle();

  // What flags ask for and yet will not do; empty: nothing.
  std::string Warning() const;

  Schedule MakeSchedule() const;
  TrainerOptions MakeTrainerOptions() const;
  torch::Device MakeDevice(int local_rank) const;

  // Those that have to be the same for a training to go on, "name = value" a line.
  std::string Settings(std::int64_t classes, std::int64_t images, int world_size) const;

 private:
  void SettleImageShape();
  void CheckTeachers() const;
};

}  // namespace resnet
