// SPDX-License-Identifier: Apache-2.0
// An endpoint, as it stands in the registry or in EDL_TEACHERS. Input: the endpoint.
#include "src/base/endpoint.h"

#include <arpa/inet.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "tests/fuzz/fuzz_input.h"

namespace edl {
namespace {

void CheckHostAndPort(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Require(colon != std::string::npos && colon > 0 && colon + 1 < text.size(), "there is a host and a port");
  const std::string host = text.substr(0, colon);
  if (host.front() != '[') {
    Require(host.find_first_of(":[]/@") == std::string::npos, "a host is a name or an address");
    return;
  }
  Require(host.back() == ']', "a bracket is closed");
  const std::string inside = host.substr(1, host.size() - 2);
  in6_addr address;
  const std::string without_scope = inside.substr(0, inside.find('%'));
  Require(inet_pton(AF_INET6, without_scope.c_str(), &address) == 1, "what stands in brackets is an IPv6 address");
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  const std::string endpoint = FuzzInput(data, size).Rest();
  const absl::Status status = CheckEndpoint(endpoint);
  const bool loopback = IsLoopback(endpoint);
  Require(!loopback || IsThisMachine(endpoint), "a loopback address is this machine's");
  if (!status.ok()) {
    for (unsigned char c : status.message()) Require(absl::ascii_isprint(c), "an error can be printed");
    return 0;
  }
  for (unsigned char c : endpoint) Require(absl::ascii_isgraph(c), "an endpoint is printable ASCII");
  if (absl::StartsWith(endpoint, "unix:")) {
    Require(loopback, "a path is on this machine");
    Require(absl::StartsWith(absl::StripPrefix(absl::string_view(endpoint), "unix:"), "/"), "a path is absolute");
  } else {
    const char* const scheme = TlsOf(endpoint) == EndpointTls::kYes  ? "grpcs://"
                               : TlsOf(endpoint) == EndpointTls::kNo ? "grpc://"
                                                                     : "dns:///";
    CheckHostAndPort(std::string(absl::StripPrefix(absl::string_view(endpoint), scheme)));
  }
  return 0;
}
