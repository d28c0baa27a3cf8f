// SPDX-License-Identifier: Apache-2.0
// Batch: what the student trains on in one step, whatever mode it comes from; BatchStream: those of one epoch.
#pragma once

#include <torch/types.h>

#include <functional>
#include <optional>

namespace resnet {

struct Batch {
  torch::Tensor images;          // uint8, in the loader's layout
  torch::Tensor labels;          // int64 [rows]
  torch::Tensor other_labels;    // int64 [rows]; undefined without mixup
  torch::Tensor mix;             // float32 [rows], the share that `labels` has of each image; undefined without mixup
  torch::Tensor teacher_logits;  // float32 [rows, classes]; undefined without a teacher
};

// The next batch, or nothing at the end of the epoch. Throws when there can be none.
using BatchStream = std::function<std::optional<Batch>()>;

}  // namespace resnet
