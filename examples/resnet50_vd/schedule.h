// SPDX-License-Identifier: Apache-2.0
// Schedule: the learning rate of each step, which depends on the step alone: a training that resumes needs no state.
// Source: Goyal et al., "Accurate, Large Minibatch SGD", 2017 (warm-up); Loshchilov and Hutter, "SGDR", 2016 (cosine).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace resnet {

enum class Decay {
  kCosine,     // from the peak to 0 along half a cosine
  kPiecewise,  // by a factor at each boundary
};

struct Schedule {
  double peak_rate = 0.1;  // above 0
  Decay decay = Decay::kCosine;
  double epochs = 120;
  double warmup_epochs = 0;                       // linearly up to the peak; less than `epochs`
  std::vector<double> boundaries = {30, 60, 90};  // epochs at which the rate falls, piecewise
  double factor = 0.1;                            // by which it falls there
};

// Of the step that is `epoch` epochs into the training: 12.5 is in the midst of the thirteenth.
double LearningRate(const Schedule& schedule, double epoch);

}  // namespace resnet
