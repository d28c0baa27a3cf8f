// SPDX-License-Identifier: Apache-2.0
// gRPC's status to and from Abseil's: the codes are the same numbers. What a peer says of it goes into logs and errors.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"
#include "src/base/legible.h"

namespace edl {

inline absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), Legible(status.error_message()));
}

inline grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

}  // namespace edl
