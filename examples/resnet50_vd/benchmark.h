// SPDX-License-Identifier: Apache-2.0
// Benchmark: the student's speed without a teacher, with one in its own process, and with a service, side by side on
// synthetic images: the table in which the original's authors give theirs.
// How: the modes take turns, each with a few steps before those that count; shares are of the same round's first mode.
//      On a machine that others share, speed says less than CPU time, which they hardly touch.
// Limits: images are made once and kept, so decoding them takes no part; what is not measured, accuracy, is left out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "examples/resnet50_vd/modes.h"
#include "examples/resnet50_vd/trainer.h"

namespace resnet {

struct BenchmarkMode {
  std::string name;
  std::string teacher;                                  // what it is, for the table
  std::function<std::unique_ptr<Mode>(Loader)> create;  // anew for each round
};

struct BenchmarkOptions {
  std::int64_t steps = 10;  // that count, of each mode in each round
  std::int64_t warmup_steps = 2;
  int rounds = 5;
  std::int64_t batch_rows = 32;
  std::int64_t image_size = 224;
  std::int64_t classes = 1000;
  PixelLayout layout = PixelLayout::kNchw;
  std::string student;  // what it is, for the table
};

// The first mode is what the others' shares are of. Gives the table; progress goes to standard output.
std::string RunBenchmark(Trainer& trainer, const std::vector<BenchmarkMode>& modes, const BenchmarkOptions& options);

// For ever the same few batches of noise.
Loader SyntheticLoader(const BenchmarkOptions& options);

}  // namespace resnet
