// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace edl {
namespace {

std::optional<SocketAddress> ParseUnix(absl::string_view path) {
  SocketAddress address;
  auto* name = reinterpret_cast<sockaddr_un*>(&address.bytes);
  if (path.empty() || path.size() >= sizeof name->sun_path) return std::nullopt;
  name->sun_family = AF_UNIX;
  std::memcpy(name->sun_path, path.data(), path.size());
  address.size = sizeof *name;
  return address;
}

std::optional<SocketAddress> ParseIpv4(const std::string& host, in_port_t port) {
  SocketAddress address;
  auto* name = reinterpret_cast<sockaddr_in*>(&address.bytes);
  if (inet_pton(AF_INET, host.c_str(), &name->sin_addr) != 1) return std::nullopt;
  name->sin_family = AF_INET;
  name->sin_port = port;
  address.size = sizeof *name;
  return address;
}

// `host` with its brackets.
std::optional<SocketAddress> ParseIpv6(absl::string_view host, in_port_t port) {
  SocketAddress address;
  auto* name = reinterpret_cast<sockaddr_in6*>(&address.bytes);
  if (!absl::ConsumePrefix(&host, "[") || !absl::ConsumeSuffix(&host, "]")) return std::nullopt;
  const std::string number(host.substr(0, host.find('%')));
  if (inet_pton(AF_INET6, number.c_str(), &name->sin6_addr) != 1) return std::nullopt;
  if (number.size() < host.size()) {
    const std::string zone(host.substr(number.size() + 1));
    if (!absl::SimpleAtoi(zone, &name->sin6_scope_id)) name->sin6_scope_id = if_nametoindex(zone.c_str());
  }
  name->sin6_family = AF_INET6;
  name->sin6_port = port;
  address.size = sizeof *name;
  return address;
}

}  // namespace

std::optional<SocketAddress> SocketAddress::Parse(absl::string_view written) {
  if (absl::ConsumePrefix(&written, "unix:")) return ParseUnix(written);
  const bool v6 = absl::ConsumePrefix(&written, "ipv6:");
  if (!v6 && !absl::ConsumePrefix(&written, "ipv4:")) return std::nullopt;
  const std::string plain = absl::StrReplaceAll(written, {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
  const std::size_t colon = plain.rfind(':');
  int number = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(plain.substr(colon + 1), &number)) return std::nullopt;
  if (number < 0 || number > 65535) return std::nullopt;
  const in_port_t port = htons(static_cast<in_port_t>(number));
  return v6 ? ParseIpv6(plain.substr(0, colon), port) : ParseIpv4(plain.substr(0, colon), port);
}

std::string SocketAddress::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  switch (bytes.ss_family) {
    case AF_INET:
      return inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&bytes)->sin_addr, text, sizeof text);
    case AF_INET6:
      return inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&bytes)->sin6_addr, text, sizeof text);
    default:
      return reinterpret_cast<const sockaddr_un*>(&bytes)->sun_path;
  }
}

int SocketAddress::port() const {
  switch (bytes.ss_family) {
    case AF_INET:
      return ntohs(reinterpret_cast<const sockaddr_in*>(&bytes)->sin_port);
    case AF_INET6:
      return ntohs(reinterpret_cast<const sockaddr_in6*>(&bytes)->sin6_port);
    default:
      return 0;
  }
}

}  // namespace edl
