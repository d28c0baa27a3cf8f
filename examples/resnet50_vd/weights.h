// SPDX-License-Identifier: Apache-2.0
// Weights files: what a network has learned, by the names of its parameters and buffers.
// Form: what torch::save of a module writes in C++, or a plain dictionary of tensors that torch.save writes in Python
//       since 1.6: dict(model.state_dict()), for an OrderedDict is more than libtorch 1.13 reads. Names may begin with
//       "model." or "state_dict.", so a checkpoint that holds the network under one of these among other things is a
//       weights file, too; with "module." they come from DataParallel.
// Errors: std::runtime_error - the file cannot be read or written, is of no such form, or does not fit the network: it
//         lacks a parameter, has one too many, or one of another shape. It says which, and what was expected.
// Cost: LoadWeights holds file and network in memory at a time.
#pragma once

#include <filesystem>

#include "examples/resnet50_vd/resnet.h"

namespace resnet {

// Replaces the file as a whole.
void SaveWeights(const ResNet& network, const std::filesystem::path& file);

// Into the network's own tensors, wherever they are: an optimizer that has them still has them. On an error the network
// is as it was.
void LoadWeights(ResNet& network, const std::filesystem::path& file);

}  // namespace resnet
