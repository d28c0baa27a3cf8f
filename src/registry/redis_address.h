// SPDX-License-Identifier: Apache-2.0
// RedisAddress: where Redis is, and as whom to go there.
//   redis://[user:password@]host[:6379][/db]
//   redis+sentinel://[user:password@]host[:26379],host[:26379],…/master-name[/db]
// rediss:// and rediss+sentinel:// are the same by TLS. What may follow: ?name=value&name=value…
//   password-file=FILE              the password is its first line, read at each connection; "user@" then stands alone
//   ca=FILE cert=FILE key=FILE server-name=NAME     as TlsOptions
//   allow-plaintext-password=yes    without TLS, to another machine, too
// User, password, master's name and values are percent-decoded; an IPv6 host stands in brackets. A password without a
// user (":password@") is that of the default user.
// Rules: a password goes by TLS, or stays on this machine, unless the address says otherwise by that long name.
// Errors: INVALID_ARGUMENT - says which part is wrong, and never repeats any of the text: it may be a password.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/tls.h"

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
  std::string password_file;
  int db = 0;
  std::optional<TlsOptions> tls;
  bool allow_plaintext_password = false;

  static absl::StatusOr<RedisAddress> Parse(const std::string& text);

  bool has_password() const { return !password.empty() || !password_file.empty(); }
  bool MaySendPasswordTo(const Host& host) const;
  // The password, from wherever it is; empty: there is none. INVALID_ARGUMENT - its file is of no use.
  absl::StatusOr<std::string> Password() const;

  // The address, with "***" for a password.
  std::string ToString() const;
};

}  // namespace edl
