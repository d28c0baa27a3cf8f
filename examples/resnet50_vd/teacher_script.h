// SPDX-License-Identifier: Apache-2.0
// Teacher script: a network as the TorchScript file that edl-teacher serves, written without Python.
// Shapes, dtype: input `image`, uint8 RGB, [rows, 3, size, size] or [rows, size, size, 3]; output `score`, float32
//                logits [rows, classes]. Normalisation is part of it.
// Errors: std::runtime_error - a file cannot be written.
#pragma once

#include <torch/script.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "examples/resnet50_vd/normalise.h"
#include "examples/resnet50_vd/resnet.h"

namespace resnet {

// The network in evaluation mode. Batch normalisation is folded into the convolutions, so the logits equal the
// network's up to rounding. Shares nothing with the network; on the CPU, wherever that is.
torch::jit::Module MakeTeacherScript(const ResNet& network, PixelLayout layout);

// The sidecar that describes it to edl-teacher, which serves images of `image_size` pixels a side and no others.
std::string MakeSidecar(const ResNet& network, PixelLayout layout, std::int64_t image_size);

// Writes both, the sidecar to FILE.json. Each is replaced as a whole, the script last.
void ExportTeacher(const ResNet& network, PixelLayout layout, std::int64_t image_size,
                   const std::filesystem::path& file);

}  // namespace resnet
