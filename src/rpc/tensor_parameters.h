// SPDX-License-Identifier: Apache-2.0
// Tensor parameters: what a message says of a tensor beyond name, datatype and shape: where in shared memory it lies,
// and how it is, or is to be, compressed.
// Errors: INVALID_ARGUMENT - a parameter of another type or out of its range; the message names it.
// Source: proto/inference.proto; the protocol's system shared memory extension.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "proto/inference.pb.h"
#include "src/rpc/infer_message.h"

namespace edl {

using TensorParameters = google::protobuf::Map<std::string, inference::InferParameter>;

bool LiesInSharedMemory(const TensorParameters& parameters);

// A tensor's `shared` and `compressed`. Its dtype is read before them.
void WriteTensorParameters(const WireTensor& tensor, TensorParameters& parameters);
absl::Status ReadTensorParameters(const TensorParameters& parameters, WireTensor& tensor);

// A requested output's `compression` and `shared`.
void WriteOutputParameters(const RequestedOutput& output, TensorParameters& parameters);
absl::Status ReadOutputParameters(const TensorParameters& parameters, RequestedOutput& output);

}  // namespace edl
