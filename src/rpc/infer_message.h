// SPDX-License-Identifier: Apache-2.0
// InferRequest, InferReply: what ModelInfer carries, free of gRPC's and protobuf's types.
#pragma once

#include <chrono>
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
  bool times = false;                    // the reply is to have them
};

// Where a request's time went in its server.
struct ReplyTimes {
  std::chrono::nanoseconds queue{0};    // it waited for its turn
  std::chrono::nanoseconds compute{0};  // with all that makes inputs ready for the model, and outputs for the reply
};

struct InferReply {
  std::string model_name;
  std::string model_version;
  std::string id;
  std::vector<WireTensor> outputs;
  std::optional<ReplyTimes> times = std::nullopt;
};

}  // namespace edl
