// SPDX-License-Identifier: Apache-2.0
// RedisAddress: where Redis is, and as whom to go there.
//   redis://[user:password@]host[:6379][/db]
//   redis+sentinel://[user:password@]host[:26379],host[:26379],…/master-name[/db]
// User, password and master's name are percent-decoded; an IPv6 host stands in brackets. A password without a user
// (":password@") is that of the default user.
// Errors: INVALID_ARGUMENT - says which part is wrong, and never repeats any of the text: it may be a password.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace edl {

struct RedisAddress {
  struct Host {
    std::string name;  // without brackets
    int port;
    std::string ToString() const;  // "host:port", "[ipv6]:port"
  };

  std::vector<Host> hosts;  // Redis itself, or its sentinels
  std::string master;       // the name that the sentinels know Redis by; empty: hosts[0] is Redis
  std::string user;
  std::string password;
  int db = 0;

  static absl::StatusOr<RedisAddress> Parse(const std::string& text);

  // The address, with "***" for a password.
  std::string ToString() const;
};

}  // namespace edl
