// SPDX-License-Identifier: Apache-2.0
// Model: what a teacher server computes, behind the wire; and what it says of itself.
// Place: the server checks a request against `info()`, then calls Infer on one of its instance threads.
// Shapes: inputs and outputs [rows, …], rows the same in all of them.
// Errors: a non-OK status or an exception becomes the reply of that one request.
// Thread-safety: Infer is called by as many threads at a time as the server has instances.
// Source: Open Inference Protocol (KServe v2), ModelMetadata.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edl/tensor.h"

namespace edl {

struct ModelInfo {
  std::string name;
  std::string version;             // as ModelMetadata lists it; empty when the server does not say
  std::string platform;            // "pytorch_torchscript", "fake", …
  std::vector<TensorSpec> inputs;  // shape[0] is the batch dimension: -1 when any number of rows is taken
  std::vector<TensorSpec> outputs;

  // "resnext101 (version 1): inputs image UINT8 [-1, 3, 224, 224]; outputs score FP32 [-1, 1000]"
  std::string ToString() const;
};

class Model {
 public:
  virtual ~Model() = default;

  virtual const ModelInfo& info() const = 0;

  // One tensor for each of info().inputs, in that order; gives one for each of info().outputs.
  virtual absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) = 0;

  // Can it still compute? Asked on an instance thread while no requests come; while it is not OK, the teacher does not
  // renew its place in the registry.
  virtual absl::Status SelfCheck() { return absl::OkStatus(); }
};

}  // namespace edl
