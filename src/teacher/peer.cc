// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/peer.h"

#include <tuple>

#include "src/rpc/socket_address.h"

namespace edl {
namespace {

constexpr std::size_t kNetworkBytes = 8;

std::string BytesOf(const in6_addr& address) {
  return std::string(reinterpret_cast<const char*>(&address), sizeof address);
}

std::string BytesOf(const in_addr& address) {
  in6_addr mapped = {};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  for (int i = 0; i < 4; ++i) mapped.s6_addr[12 + i] = reinterpret_cast<const unsigned char*>(&address)[i];
  return BytesOf(mapped);
}

bool IsIpv4(const std::string& address) {
  return address.compare(0, 12, std::string("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12)) == 0;
}

}  // namespace

Peer::Peer(const std::string& written) {
  const std::optional<SocketAddress> address = SocketAddress::Parse(written);
  if (address) *this = Peer(address->bytes);
  if (address_.empty()) other_ = written;
}

Peer::Peer(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    address_ = BytesOf(v4.sin_addr);
    port_ = v4.sin_port;
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    address_ = BytesOf(v6.sin6_addr);
    port_ = v6.sin6_port;
  }
}

std::string Peer::client() const {
  if (address_.empty()) return other_;
  return IsIpv4(address_) ? address_ : address_.substr(0, kNetworkBytes);
}

bool operator<(const Peer& a, const Peer& b) {
  return std::tie(a.address_, a.other_, a.port_) < std::tie(b.address_, b.other_, b.port_);
}

}  // namespace edl
