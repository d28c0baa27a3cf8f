// SPDX-License-Identifier: Apache-2.0
// Modes: the ways in which a batch gets its soft labels: not at all, from a teacher in this process, from a service.
// Place: each makes of the loader's batches what the trainer steps on; whatever the mode, the images are the same.
// Errors: the streams throw what the loader, the teacher or the reader has to say.
// Thread-safety: one thread, but for Stop.
#pragma once

#include <torch/script.h>

#include <memory>
#include <string>
#include <vector>

#include "edl/distill_reader.h"
#include "examples/resnet50_vd/batch.h"

namespace resnet {

// The trainer's own loader: its epochs, and the names of the fields that a batch of it has: image, label, and what it
// has besides (label_b and mix, with mixup).
struct Loader {
  edl::EpochFunction<edl::Fields> epochs;
  std::vector<std::string> fields;
};

class Mode {
 public:
  virtual ~Mode() = default;

  // The epochs follow each other; the first begins where the loader does.
  virtual BatchStream NextEpoch() = 0;

  // A stream that waits, or would, throws from here on. Any thread.
  virtual void Stop() {}

  // What there is to say at the end of an epoch beyond the training itself; empty: nothing.
  virtual std::string Report() { return ""; }
};

std::unique_ptr<Mode> PlainMode(Loader loader, torch::Device device);

// The teacher, on the student's device, takes the loader's uint8 images and gives logits (export_teacher).
std::unique_ptr<Mode> InProcessMode(Loader loader, torch::Device device, torch::jit::Module teacher);

// The teachers' model takes `image` and gives `score`, logits. `options` as the caller has set them; fields and
// predictions are set here.
std::unique_ptr<Mode> ServiceMode(Loader loader, torch::Device device, std::unique_ptr<edl::TeacherWatcher> teachers,
                                  edl::ReaderOptions options);

}  // namespace resnet
