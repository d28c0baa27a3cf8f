// SPDX-License-Identifier: Apache-2.0
// Endpoint: where a teacher listens, as text.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace edl {

// INVALID_ARGUMENT unless it is "host:port", "[ipv6]:port", "dns:///name:port" or "unix:/path"; "host:port" and
// "[ipv6]:port" may stand behind "grpcs://" (TLS) or "grpc://" (explicitly without it). In printable ASCII: a host whose
// name has other letters is given in its own ASCII form (punycode, "xn--..."). A host or name is made of letters,
// digits and "-._"; a path holds no blanks and none of "%?#".
absl::Status CheckEndpoint(const std::string& endpoint);

// What an endpoint itself says of TLS.
enum class EndpointTls { kUnsaid, kYes, kNo };
EndpointTls TlsOf(const std::string& endpoint);

// gRPC's URI of an endpoint that has been checked: without a scheme, a host called "dns" or "xds" would be taken for
// one.
std::string EndpointUri(const std::string& endpoint);

// "127.0.0.1" of "grpcs://127.0.0.1:80", "::1" of "dns:///[::1]:80", "localhost" of a Unix socket.
std::string EndpointHost(const std::string& endpoint);

// Nobody beyond this machine can reach it: unix:, localhost, 127.x.x.x, [::1].
bool IsLoopback(const std::string& endpoint);
bool IsLoopbackHost(const std::string& host);  // likewise, without a port or brackets

// It leads to this machine, as far as its text and this machine's addresses tell: no name is looked up.
bool IsThisMachine(const std::string& endpoint);

}  // namespace edl
