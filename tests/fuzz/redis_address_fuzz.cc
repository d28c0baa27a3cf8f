// SPDX-License-Identifier: Apache-2.0
// The address of Redis, or of its sentinels. Input: the address. Where it has a "#", a password stands in its place.
#include "src/registry/redis_address.h"

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const std::string& secret = *new std::string("xyzzyplugh");
  const std::string text = absl::StrReplaceAll(FuzzInput(data, size).Rest(), {{"#", secret}});
  absl::StatusOr<RedisAddress> address = RedisAddress::Parse(text);
  if (!address.ok()) {
    Require(absl::IsInvalidArgument(address.status()), "no address is an INVALID_ARGUMENT");
    Require(!absl::StrContains(address.status().message(), secret), "an error repeats nothing of the address");
    return 0;
  }
  Require(!address->hosts.empty() && (address->master.empty() ? address->hosts.size() == 1 : true),
          "Redis is one host, sentinels may be several");
  const TlsOptions tls = address->tls.value_or(TlsOptions());
  const std::string shown_anyway = address->user + address->master + address->password_file + tls.ca_file +
                                   tls.cert_file + tls.key_file + tls.server_name;
  bool public_secret = absl::StrContains(shown_anyway, secret);
  for (const RedisAddress::Host& host : address->hosts) {
    Require(!host.name.empty() && host.port >= 1 && host.port <= 65535, "a host has a name and a port");
    public_secret = public_secret || absl::StrContains(host.name, secret);
  }
  const std::string shown = address->ToString();
  Require(public_secret || !absl::StrContains(shown, secret), "a password is never shown");

  absl::StatusOr<RedisAddress> again = RedisAddress::Parse(shown);
  Require(again.ok() && again->ToString() == shown, "what is shown is an address, too");
  Require(again->user == address->user && again->master == address->master && again->db == address->db &&
              again->hosts.size() == address->hosts.size() && again->password_file == address->password_file &&
              again->tls.value_or(TlsOptions()).ToString() == tls.ToString(),
          "what is shown is the same address");
  return 0;
}
