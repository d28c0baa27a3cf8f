// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/server_security.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "src/base/secret_file.h"
#include "src/base/status.h"
#include "src/base/tls_files.h"
#include "src/rpc/reload_interval.h"

namespace edl {
namespace {

// The fields as edl-teacher's users know them.
constexpr char kCert[] = "--tls-cert";
constexpr char kKey[] = "--tls-key";

}  // namespace

absl::Status ServerSecurityOptions::Validate(const std::vector<std::string>& listen) const {
  if (tls() && (cert_file.empty() || key_file.empty())) {
    const char* const missing = cert_file.empty() ? kCert : kKey;
    return absl::InvalidArgumentError(absl::StrCat(missing, " is missing; TLS needs ", kCert, " and ", kKey));
  }
  if (tls()) EDL_RETURN_IF_ERROR(CheckKeyPair(kCert, cert_file, kKey, key_file));
  if (!client_ca_file.empty()) EDL_RETURN_IF_ERROR(CheckCertificates("--tls-client-ca", client_ca_file));
  if (token_file.empty()) return absl::OkStatus();
  EDL_RETURN_IF_ERROR(SecretFile::Check("--token-file", token_file));
  if (tls() || allow_token_over_plain_tcp) return absl::OkStatus();
  for (const std::string& address : listen) {
    if (absl::StartsWith(address, "unix:")) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--token-file is given without TLS, and ", address, " is plain TCP, where others could read the token: give ",
        kCert, " and ", kKey, ", too (or, on a network that you trust, --allow-token-over-plain-tcp)"));
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ServerCredentials> NewServerCredentials(const ServerSecurityOptions& options) {
  if (!options.tls()) return grpc::InsecureServerCredentials();
  WarnOfKeyPair(options.cert_file, options.key_file);
  auto files = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      options.key_file, options.cert_file, options.client_ca_file, kReloadSeconds);
  grpc::experimental::TlsServerCredentialsOptions tls(files);
  tls.watch_identity_key_cert_pairs();
  if (!options.client_ca_file.empty()) {
    tls.watch_root_certs();
    tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(tls);
}

}  // namespace edl
