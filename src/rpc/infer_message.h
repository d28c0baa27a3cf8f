// SPDX-License-Identifier: Apache-2.0
// InferRequest, InferReply: what ModelInfer carries, free of gRPC's and protobuf's types.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "edl/compression.h"
#include "src/tensor/wire_tensor.h"

namespace edl {

struct RequestedOutput {
  std::string name;
  std::optional<PredictionCompression> compression = std::nullopt;  // as it is to come
  std::optional<SharedMemoryRef> shared = std::nullopt;             // where it is to be written, not to travel
};

struct InferRequest {
  std::string model_name;
  std::string model_version;
  std::string id;
  std::vector<WireTensor> inputs;
  std::vector<RequestedOutput> outputs;  // none: all that the model has
};

struct InferReply {
  std::string model_name;
  std::string model_version;
  std::string id;
  std::vector<WireTensor> outputs;
};

}  // namespace edl
