// SPDX-License-Identifier: Apache-2.0
// Endpoint: where a teacher listens, as text.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace edl {

// INVALID_ARGUMENT unless it is "host:port", "[ipv6]:port", "dns:///name:port" or "unix:/path".
absl::Status CheckEndpoint(const std::string& endpoint);

}  // namespace edl
