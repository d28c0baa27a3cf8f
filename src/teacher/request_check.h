// SPDX-License-Identifier: Apache-2.0
// Request check: is a request, or a model's answer to it, what the model's description says?
// Errors: INVALID_ARGUMENT - the request does not fit, and the message says what was expected and what came;
//         NOT_FOUND - another model or version is asked for; INTERNAL - the model's outputs do not fit its description.
// Cost: copies nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/model.h"
#include "src/rpc/codec.h"

namespace edl {

struct AskedOutput {
  std::size_t at = 0;  // in ModelInfo::outputs
  std::optional<PredictionCompression> compression;
  std::optional<SharedMemoryRef> shared;  // it goes there
};

struct CheckedRequest {
  std::string id;
  std::int64_t rows = 0;
  std::vector<WireTensor> inputs;  // in the order of ModelInfo::inputs, as they landed
  std::vector<AskedOutput> outputs;
  bool times = false;  // its reply is to have them
};

// An empty name means the only model, an empty version the only version.
absl::Status CheckModelName(const ModelInfo& info, const std::string& name, const std::string& version);

// `max_rows` bounds the rows of one request.
absl::StatusOr<CheckedRequest> CheckRequest(const ModelInfo& info, std::int64_t max_rows, InferRequest request);

absl::Status CheckOutputs(const ModelInfo& info, std::int64_t rows, const std::vector<Tensor>& outputs);

// Can a server serve this? Names set and unique, at least one input and output, each with a batch dimension,
// which is -1.
absl::Status CheckModelInfo(const ModelInfo& info);

}  // namespace edl
