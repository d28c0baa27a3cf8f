// SPDX-License-Identifier: Apache-2.0
// Model sidecar: the description of a model that its own file does not carry, as JSON in the protocol's words.
// Form: {"name": "…", "version": "…", "inputs": [{"name": "…", "datatype": "UINT8", "shape": [-1, …]}, …],
//       "outputs": […]}; name and version may be left out. shape[0] is the batch dimension: -1.
// Errors: NOT_FOUND - no such file; INVALID_ARGUMENT - not JSON, or an entry that makes no sense; both say where.
// Source: Open Inference Protocol (KServe v2), ModelMetadata's JSON form.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "edl/model.h"

namespace edl {

absl::StatusOr<ModelInfo> ParseModelSidecar(const std::string& json);
absl::StatusOr<ModelInfo> ReadModelSidecar(const std::string& file);

// "image:UINT8:-1,3,224,224", the same on a command line.
absl::StatusOr<TensorSpec> ParseTensorSpec(const std::string& text);

}  // namespace edl
