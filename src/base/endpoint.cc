// SPDX-License-Identifier: Apache-2.0
#include "src/base/endpoint.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace edl {
namespace {

// "::1", "fe80::1%eth0"
bool IsIpv6(absl::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(text.substr(0, text.find('%'))).c_str(), &address) == 1;
}

bool IsHostAndPort(absl::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  absl::string_view host = text.substr(0, colon);
  bool bracketed = host.front() == '[' && host.back() == ']' && IsIpv6(host.substr(1, host.size() - 2));
  // As names of the domain name system are, and of containers. What else gRPC would take for part of a URI.
  bool host_fits = bracketed || std::all_of(host.begin(), host.end(), [](unsigned char c) {
                     return std::isalnum(c) || c == '-' || c == '.' || c == '_';
                   });
  absl::string_view digits = text.substr(colon + 1);
  int port;
  return host_fits && std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); }) &&
         absl::SimpleAtoi(digits, &port) && port >= 1 && port <= 65535;
}

bool IsPath(absl::string_view text) {
  constexpr std::size_t kLongestPath = 107;  // sockaddr_un's
  while (absl::ConsumePrefix(&text, "//")) {
  }
  // gRPC would take the rest for a query, or for what a number stands for.
  const bool plain = text.find_first_of("%?#") == absl::string_view::npos;
  return text.size() > 1 && text.front() == '/' && text.size() <= kLongestPath && plain;
}

constexpr char kTlsScheme[] = "grpcs://";
constexpr char kPlainScheme[] = "grpc://";

absl::string_view WithoutScheme(absl::string_view endpoint) {
  if (!absl::ConsumePrefix(&endpoint, kTlsScheme)) absl::ConsumePrefix(&endpoint, kPlainScheme);
  return endpoint;
}

absl::string_view HostOf(absl::string_view endpoint) {
  endpoint = WithoutScheme(endpoint);
  absl::ConsumePrefix(&endpoint, "dns:///");
  absl::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return host;
}

}  // namespace

bool IsLoopbackHost(const std::string& host) {
  in_addr four;
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  return host == "localhost" || host == "::1";
}

bool IsLoopback(const std::string& endpoint) {
  return absl::StartsWith(endpoint, "unix:") || IsLoopbackHost(std::string(HostOf(endpoint)));
}

bool IsThisMachine(const std::string& endpoint) {
  if (IsLoopback(endpoint)) return true;
  const absl::string_view host = HostOf(endpoint);
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return false;
  bool found = false;
  for (const ifaddrs* one = all; one != nullptr && !found; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    char text[NI_MAXHOST];
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    found = getnameinfo(one->ifa_addr, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0 && host == text;
  }
  freeifaddrs(all);
  return found;
}

EndpointTls TlsOf(const std::string& endpoint) {
  if (absl::StartsWith(endpoint, kTlsScheme)) return EndpointTls::kYes;
  return absl::StartsWith(endpoint, kPlainScheme) ? EndpointTls::kNo : EndpointTls::kUnsaid;
}

std::string EndpointUri(const std::string& endpoint) {
  const bool has_scheme = absl::StartsWith(endpoint, "unix:") || absl::StartsWith(endpoint, "dns:///");
  return has_scheme ? endpoint : absl::StrCat("dns:///", WithoutScheme(endpoint));
}

std::string EndpointHost(const std::string& endpoint) {
  return absl::StartsWith(endpoint, "unix:") ? "localhost" : std::string(HostOf(endpoint));
}

absl::Status CheckEndpoint(const std::string& endpoint) {
  bool printable =
      std::all_of(endpoint.begin(), endpoint.end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
  absl::string_view rest = endpoint;
  bool fits = absl::ConsumePrefix(&rest, "unix:")     ? IsPath(rest)
              : absl::ConsumePrefix(&rest, "dns:///") ? IsHostAndPort(rest)
                                                      : IsHostAndPort(WithoutScheme(rest));
  if (printable && fits) return absl::OkStatus();
  constexpr std::size_t kShown = 300;
  return absl::InvalidArgumentError(absl::StrCat(
      "'", absl::CHexEscape(endpoint.substr(0, kShown)), endpoint.size() > kShown ? "..." : "",
      "' is no endpoint; expected host:port (port 1 to 65535), [ipv6]:port, dns:///name:port or unix:/path, in ASCII; "
      "or grpcs://host:port for TLS"));
}

}  // namespace edl
