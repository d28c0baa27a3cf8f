// SPDX-License-Identifier: Apache-2.0
// ScriptModel: a TorchScript file as a Model, for edl-teacher or in the trainer's own process.
// Shapes: the module's forward takes the inputs in the order of ModelInfo::inputs, [rows, …] each, and gives one
//         tensor, a tuple or a list in the order of ModelInfo::outputs, or a dictionary that has them by name.
// Dtype: as ModelInfo says, in and out: nothing is converted. Every dtype of libtorch (edl/torch/tensor.h).
// Errors: Infer: INVALID_ARGUMENT - an input of a dtype that libtorch does not have; RESOURCE_EXHAUSTED - out of
//         memory; INTERNAL - what forward or the device complains of, or outputs other than ModelInfo names.
// Thread-safety: Infer: any thread, as many at a time as you like; they share the weights.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "edl/model.h"

namespace edl {

struct ScriptModelOptions {
  // "cpu", "cuda" or "cuda:N". Inputs go there, outputs come back to the CPU.
  std::string device = "cpu";

  // Run it once on a row of zeros, where `info` fixes all other dimensions, and hold the outputs against `info`: a
  // wrong description is found now and not by the first student.
  bool self_check = true;
};

// In evaluation mode. NOT_FOUND - no such file; INVALID_ARGUMENT - it is not TorchScript, the device makes no sense, or
// the self-check failed; FAILED_PRECONDITION - this machine, or this libtorch, has no such device.
absl::StatusOr<std::unique_ptr<Model>> LoadScriptModel(const std::string& file, ModelInfo info,
                                                       const ScriptModelOptions& options = {});

}  // namespace edl
