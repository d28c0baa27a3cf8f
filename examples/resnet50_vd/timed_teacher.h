// SPDX-License-Identifier: Apache-2.0
// TimedTeacher: a teacher that only waits, as one does, for its student, whose accelerator is elsewhere: its soft
// labels are zeros, and of this machine's time it takes what receiving the images costs.
#pragma once

#include <memory>

#include "edl/testing/fake_teacher.h"
#include "examples/resnet50_vd/benchmark.h"

namespace resnet {

// Takes `image` as the options describe it and gives `score`; each request takes so long. Throws when it cannot listen.
std::unique_ptr<edl::testing::FakeTeacher> StartTimedTeacher(const BenchmarkOptions& options, double milliseconds);

}  // namespace resnet
