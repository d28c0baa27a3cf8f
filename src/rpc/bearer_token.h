// SPDX-License-Identifier: Apache-2.0
// Bearer token: "authorization: Bearer TOKEN" with every call of a channel.
// Why an interceptor: gRPC's call credentials exist for TLS alone, and a Unix socket needs none.
// Source: RFC 6750, section 2.1.
#pragma once

#include <memory>
#include <vector>

#include "grpcpp/support/client_interceptor.h"
#include "src/base/secret_file.h"

namespace edl {

inline constexpr char kAuthorization[] = "authorization";
inline constexpr char kBearer[] = "Bearer ";

// Shows the file's first token, as it is at the time of the call.
std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> ShowToken(
    std::shared_ptr<const SecretFile> tokens);

}  // namespace edl
