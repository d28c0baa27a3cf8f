// SPDX-License-Identifier: Apache-2.0
// Peer: where a connection comes from, however that is written.
// Place: whose share of the places a call takes (infer_call.cc), and which connection it came over (doorman.cc).
// Thread-safety: a value.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

namespace edl {

class Peer {
 public:
  // As gRPC writes it: "ipv4:10.0.0.2:43210", "ipv6:%5B2001:db8::1%5D:43210", "unix:/path".
  explicit Peer(const std::string& written);
  // As the kernel does.
  explicit Peer(const sockaddr_storage& address);

  // Who that is, for shares: the address alone, for who wants more than one could open many connections. All on a Unix
  // socket are one, and so are all of an IPv6 network of 64 bits, for each machine has one.
  std::string client() const;

  friend bool operator<(const Peer& a, const Peer& b);

 private:
  std::string address_;  // 16 bytes of IPv6, as which IPv4 can be written, too; of any other: nothing
  std::string other_;
  in_port_t port_ = 0;  // as the kernel writes it
};

}  // namespace edl
