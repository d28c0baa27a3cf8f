// SPDX-License-Identifier: Apache-2.0
// InferRequest, InferReply: what ModelInfer carries, free of gRPC's and protobuf's types.
#pragma once

#include <string>
#include <vector>

#include "src/tensor/wire_tensor.h"

namespace edl {

struct InferRequest {
  std::string model_name;
  std::string model_version;
  std::string id;
  std::vector<WireTensor> inputs;
  std::vector<std::string> outputs;  // none: all that the model has
};

struct InferReply {
  std::string model_name;
  std::string model_version;
  std::string id;
  std::vector<WireTensor> outputs;
};

}  // namespace edl
