// SPDX-License-Identifier: Apache-2.0
// ServerSecurity: who may speak to a teacher, and that nobody else listens.
// Place: part of TeacherServerOptions; the server listens with the credentials that are made of it.
// Rules: TLS for all addresses or none. With a client CA nobody is let in without a certificate of its (mutual TLS).
//        With a token file nobody is let in without one of its tokens, which TCP without TLS would show to others, and
//        so is refused unless the user says so by the option's long name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace grpc {
class ServerCredentials;
}

namespace edl {

struct ServerSecurityOptions {
  // PEM files, which are read again when they change: the certificate, followed by those between it and its CA; its key
  // without a passphrase; the CAs of students' certificates. All empty: no TLS.
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;

  // Tokens, one a line; read again when it changes. Empty: none is asked for.
  std::string token_file;
  bool allow_token_over_plain_tcp = false;

  bool tls() const { return !cert_file.empty() || !key_file.empty() || !client_ca_file.empty(); }

  // INVALID_ARGUMENT naming the field, as edl-teacher's flags do, and its file, for a server that listens there. Reads
  // the files.
  absl::Status Validate(const std::vector<std::string>& listen) const;
};

// Of options that are valid.
std::shared_ptr<grpc::ServerCredentials> NewServerCredentials(const ServerSecurityOptions& options);

}  // namespace edl
