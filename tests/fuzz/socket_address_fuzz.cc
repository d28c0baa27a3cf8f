// SPDX-License-Identifier: Apache-2.0
// An address in the words of gRPC, of which a server may have written some. Input: the words.
#include "src/rpc/socket_address.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  const std::string written = FuzzInput(data, size).Rest();
  const std::optional<SocketAddress> address = SocketAddress::Parse(written);
  if (!address) return 0;
  Require(address->size > 0 && address->size <= sizeof address->bytes, "the kernel can read it");
  const std::string host = address->host();
  std::string again;
  switch (address->bytes.ss_family) {
    case AF_INET:
      again = absl::StrCat("ipv4:", host, ":", address->port());
      break;
    case AF_INET6:
      if (written.find('%') != std::string::npos) return 0;  // there may be a zone, which is not written again
      again = absl::StrCat("ipv6:[", host, "]:", address->port());
      break;
    default:
      Require(address->bytes.ss_family == AF_UNIX, "there are no others");
      if (written.find('\0') != std::string::npos) return 0;  // a path ends there
      again = absl::StrCat("unix:", host);
  }
  const std::optional<SocketAddress> same = SocketAddress::Parse(again);
  Require(same && std::memcmp(&same->bytes, &address->bytes, sizeof same->bytes) == 0, "written again it is the same");
  return 0;
}
