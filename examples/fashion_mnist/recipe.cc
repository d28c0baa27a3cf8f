// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/recipe.h"

#include "absl/strings/str_cat.h"

namespace fashion_mnist {
namespace {

std::string Describe(const Schedule& s, const Augmentation& a) {
  return absl::StrCat(s.epochs, " epochs of batches of ", s.batch_rows, ", SGD, peak rate ", s.peak_rate, ", warm-up ",
                      s.warmup_fraction, ", momentum ", s.momentum, ", weight decay ", s.weight_decay,
                      ", views: shift ", a.max_shift, ", flip ", a.flip ? "yes" : "no", ", zoom ", a.max_zoom_percent,
                      " %, cutout ", a.cutout_side);
}

}  // namespace

std::string TeacherRecipe::ToString() const {
  return absl::StrCat(subset, " images, ", Describe(schedule, augmentation), ", seed ", seed);
}

std::string StudentRecipe::ToString() const {
  return absl::StrCat(subset, " images, ", Describe(schedule, augmentation), "; distilled: alpha ", alpha,
                      ", temperature ", temperature);
}

}  // namespace fashion_mnist
