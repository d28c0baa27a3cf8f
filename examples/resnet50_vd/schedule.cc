// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/schedule.h"

#include <cmath>

namespace resnet {

double LearningRate(const Schedule& schedule, double epoch) {
  if (epoch < schedule.warmup_epochs) return schedule.peak_rate * epoch / schedule.warmup_epochs;
  if (schedule.decay == Decay::kPiecewise) {
    double rate = schedule.peak_rate;
    for (double boundary : schedule.boundaries) rate *= epoch >= boundary ? schedule.factor : 1;
    return rate;
  }
  constexpr double kPi = 3.14159265358979323846;
  const double done = (epoch - schedule.warmup_epochs) / (schedule.epochs - schedule.warmup_epochs);
  return schedule.peak_rate * 0.5 * (1 + std::cos(kPi * done));
}

}  // namespace resnet
