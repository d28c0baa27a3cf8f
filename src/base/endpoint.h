// SPDX-License-Identifier: Apache-2.0
// Endpoint: where a teacher listens, as text.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace edl {

// INVALID_ARGUMENT unless it is "host:port", "[ipv6]:port", "dns:///name:port" or "unix:/path", in printable ASCII: a
// host whose name has other letters is given in its own ASCII form (punycode, "xn--...").
absl::Status CheckEndpoint(const std::string& endpoint);

// The URI of an endpoint that has been checked: without a scheme, a host called "dns" or "xds" would be taken for one.
std::string EndpointUri(const std::string& endpoint);

// Nobody beyond this machine can reach it: unix:, localhost, 127.x.x.x, [::1].
bool IsLoopback(const std::string& endpoint);

// It leads to this machine, as far as its text and this machine's addresses tell: no name is looked up.
bool IsThisMachine(const std::string& endpoint);

}  // namespace edl
