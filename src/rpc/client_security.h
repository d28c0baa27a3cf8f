// SPDX-License-Identifier: Apache-2.0
// ClientSecurity: how a client speaks to servers: by TLS or plainly, and with which token.
// Place: one a reader, or program; every channel to a server is made here, so that this is the one door.
// Rules: no downgrade. Once there are TLS options, every server is spoken to by TLS, whatever its endpoint says, and
//        one that says grpc:// is refused. Without them grpcs:// is TLS with the system's roots, all else is plain.
//        A token never goes over plain TCP unless the user says so by the option's long name.
//        Files that change hold for the connections (the token: for the calls) that come afterwards.
// Errors: Create: INVALID_ARGUMENT - a file that is of no use. NewChannel: UNAUTHENTICATED - a rule refuses the server.
// Thread-safety: any thread, once made.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "edl/tls.h"
#include "src/base/secret_file.h"

namespace grpc {
class Channel;
class ChannelArguments;
class ChannelCredentials;
}  // namespace grpc

namespace edl {

struct ClientSecurityOptions {
  std::optional<TlsOptions> tls;
  std::string token_file;  // its first token is shown; empty: none is
  bool allow_token_over_plain_tcp = false;
};

class ClientSecurity {
 public:
  static absl::StatusOr<std::shared_ptr<const ClientSecurity>> Create(const ClientSecurityOptions& options);

  // Plain, but for grpcs://, and without a token.
  static std::shared_ptr<const ClientSecurity> Default();

  // `endpoint` has been checked.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const std::string& endpoint,
                                                            grpc::ChannelArguments arguments) const;

  bool SpeaksTlsTo(const std::string& endpoint) const;

  // Searches for what is wrong with a server (diagnosing_probe.h): each true of BeginSearch is paired with one
  // EndSearch. False: there are as many as may be, however many servers are ill.
  bool BeginSearch() const;
  void EndSearch() const { --searches_; }
  const TlsOptions& tls() const { return tls_; }

 private:
  explicit ClientSecurity(const ClientSecurityOptions& options);
  absl::Status CheckRules(const std::string& endpoint) const;

  const bool always_tls_;
  const TlsOptions tls_;
  const bool allow_token_over_plain_tcp_;
  std::shared_ptr<const SecretFile> token_;          // null: none
  std::shared_ptr<grpc::ChannelCredentials> creds_;  // of TLS
  mutable std::atomic<int> searches_{0};             // any thread; it orders nothing
};

}  // namespace edl
