// SPDX-License-Identifier: Apache-2.0
// Model metadata: ModelInfo to and from the protocol's ModelMetadataResponse.
#pragma once

#include "absl/status/statusor.h"
#include "edl/model.h"
#include "proto/inference.pb.h"

namespace edl {

// INVALID_ARGUMENT when a datatype is not the protocol's.
absl::StatusOr<ModelInfo> FromProto(const inference::ModelMetadataResponse& proto);
inference::ModelMetadataResponse ToProto(const ModelInfo& info);

}  // namespace edl
