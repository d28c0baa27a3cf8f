// SPDX-License-Identifier: Apache-2.0
#include "src/base/endpoint.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace edl {
namespace {

bool IsHostAndPort(absl::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  absl::string_view host = text.substr(0, colon);
  bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  bool host_fits = bracketed || host.find_first_of(":[]/@") == absl::string_view::npos;
  absl::string_view digits = text.substr(colon + 1);
  int port;
  return host_fits && std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); }) &&
         absl::SimpleAtoi(digits, &port) && port >= 1 && port <= 65535;
}

bool IsPath(absl::string_view text) {
  constexpr std::size_t kLongestPath = 107;  // sockaddr_un's
  while (absl::ConsumePrefix(&text, "//")) {
  }
  return text.size() > 1 && text.front() == '/' && text.size() <= kLongestPath;
}

}  // namespace

absl::Status CheckEndpoint(const std::string& endpoint) {
  bool printable = std::all_of(endpoint.begin(), endpoint.end(), [](unsigned char c) { return c > ' ' && c != 127; });
  absl::string_view rest = endpoint;
  bool fits = absl::ConsumePrefix(&rest, "unix:")     ? IsPath(rest)
              : absl::ConsumePrefix(&rest, "dns:///") ? IsHostAndPort(rest)
                                                      : IsHostAndPort(rest);
  if (printable && fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", absl::CHexEscape(endpoint),
      "' is no endpoint; expected host:port (port 1 to 65535), [ipv6]:port, dns:///name:port or unix:/path"));
}

}  // namespace edl
