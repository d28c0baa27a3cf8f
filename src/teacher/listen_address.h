// SPDX-License-Identifier: Apache-2.0
// Listen address: "host:port", "[ipv6]:port" or "unix:/path", and whether it can be had.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace edl {

// INVALID_ARGUMENT when it is none of the three.
absl::Status CheckListenAddress(const std::string& address);

// UNAVAILABLE, with the system's reason, when nobody can listen there now: the port is taken, the host is not this
// machine's, a server answers on the unix socket (gRPC would take that over in silence), or its folder is missing.
// Only a hint: the address may be taken a moment later.
absl::Status ProbeListenAddress(const std::string& address);

// The host of it, without brackets; empty for a unix path.
std::string ListenHost(const std::string& address);

// `address` with `port` in place of its port; a unix path is itself.
std::string WithPort(const std::string& address, int port);

}  // namespace edl
