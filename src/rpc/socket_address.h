// SPDX-License-Identifier: Apache-2.0
// SocketAddress: what gRPC writes of an address, as the kernel wants it.
// Place: gRPC's errors (tls_diagnosis.cc), and the peers of its calls (teacher/peer.cc).
// Source: gRPC's naming, with percent-encoding (RFC 3986) since its version 1.47.
// Thread-safety: a value.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace edl {

struct SocketAddress {
  // "ipv4:10.0.0.2:43210", "ipv6:%5Bfe80::1%25eth0%5D:43210", "ipv6:[::1]:43210", "unix:/path"; nothing: it is none.
  static std::optional<SocketAddress> Parse(absl::string_view written);

  // Of a Unix socket: its path. Else the number, without a zone.
  std::string host() const;
  // Of a Unix socket: 0.
  int port() const;

  sockaddr_storage bytes = {};
  socklen_t size = 0;
};

}  // namespace edl
