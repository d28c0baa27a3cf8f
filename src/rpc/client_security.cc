// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/client_security.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "grpcpp/support/channel_arguments.h"
#include "src/base/endpoint.h"
#include "src/base/status.h"
#include "src/base/tls_files.h"
#include "src/rpc/bearer_token.h"
#include "src/rpc/reload_interval.h"

namespace edl {
namespace {

std::shared_ptr<grpc::ChannelCredentials> NewTlsCredentials(const TlsOptions& tls) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  const bool own = !tls.cert_file.empty();
  if (own || !tls.ca_file.empty()) {
    options.set_certificate_provider(std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
        tls.key_file, tls.cert_file, tls.ca_file, kReloadSeconds));
  }
  if (own) options.watch_identity_key_cert_pairs();
  if (!tls.ca_file.empty()) options.watch_root_certs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace

ClientSecurity::ClientSecurity(const ClientSecurityOptions& options)
    : always_tls_(options.tls.has_value()),
      tls_(options.tls.value_or(TlsOptions())),
      allow_token_over_plain_tcp_(options.allow_token_over_plain_tcp),
      creds_(NewTlsCredentials(tls_)) {}

absl::StatusOr<std::shared_ptr<const ClientSecurity>> ClientSecurity::Create(const ClientSecurityOptions& options) {
  if (options.tls) EDL_RETURN_IF_ERROR(Annotate(options.tls->Validate(), "tls"));
  if (options.tls && !options.tls->cert_file.empty()) WarnOfKeyPair(options.tls->cert_file, options.tls->key_file);
  std::shared_ptr<ClientSecurity> security(new ClientSecurity(options));
  if (!options.token_file.empty()) {
    EDL_ASSIGN_OR_RETURN(security->token_, SecretFile::Open("token_file", options.token_file));
  }
  return security;
}

std::shared_ptr<const ClientSecurity> ClientSecurity::Default() {
  return std::shared_ptr<const ClientSecurity>(new ClientSecurity({}));
}

bool ClientSecurity::SpeaksTlsTo(const std::string& endpoint) const {
  return always_tls_ || TlsOf(endpoint) == EndpointTls::kYes;
}

bool ClientSecurity::BeginSearch() const {
  constexpr int kMost = 8;
  if (++searches_ <= kMost) return true;
  --searches_;
  return false;
}

absl::Status ClientSecurity::CheckRules(const std::string& endpoint) const {
  if (always_tls_ && TlsOf(endpoint) == EndpointTls::kNo) {
    return absl::UnauthenticatedError(
        "its endpoint says grpc://, without TLS, and this client has been told to use TLS: give the teacher a "
        "certificate (edl-teacher --tls-cert, --tls-key) and list it as grpcs://");
  }
  const bool plain_tcp = !SpeaksTlsTo(endpoint) && !absl::StartsWith(endpoint, "unix:");
  if (token_ != nullptr && plain_tcp && !allow_token_over_plain_tcp_) {
    return absl::UnauthenticatedError(
        "a token is not sent to it over plain TCP, where others could read it: list it as grpcs://, or set the TLS "
        "options (or, on a network that you trust, allow_token_over_plain_tcp)");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ClientSecurity::NewChannel(const std::string& endpoint,
                                                                          grpc::ChannelArguments arguments) const {
  EDL_RETURN_IF_ERROR(CheckRules(endpoint));
  const bool by_tls = SpeaksTlsTo(endpoint);
  if (by_tls && !tls_.server_name.empty()) arguments.SetSslTargetNameOverride(tls_.server_name);
  const auto credentials = by_tls ? creds_ : grpc::InsecureChannelCredentials();
  if (token_ == nullptr) return grpc::CreateCustomChannel(EndpointUri(endpoint), credentials, arguments);
  return grpc::experimental::CreateCustomChannelWithInterceptors(EndpointUri(endpoint), credentials, arguments,
                                                                 ShowToken(token_));
}

}  // namespace edl
