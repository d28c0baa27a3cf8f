// SPDX-License-Identifier: Apache-2.0
// Checkpoint: all that a training needs to go on as if it had never stopped: weights, optimizer, position.
// Form: an archive of libtorch; the network under "model.", so that it is a weights file, too (weights.h).
// Errors: std::runtime_error - the file cannot be read or written, is none of ours, or is of another training: the
//         message has each setting that differs.
#pragma once

#include <filesystem>
#include <string>

#include "examples/resnet50_vd/image_loader.h"
#include "examples/resnet50_vd/trainer.h"

namespace resnet {

// `settings`: what has to be the same for the training to go on, "name = value" a line. Replaces the file as a whole.
void SaveCheckpoint(const std::filesystem::path& file, Trainer& trainer, Position next, const std::string& settings);

// Gives where the training goes on.
Position LoadCheckpoint(const std::filesystem::path& file, Trainer& trainer, const std::string& settings);

}  // namespace resnet
