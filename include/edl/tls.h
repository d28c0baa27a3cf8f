// SPDX-License-Identifier: Apache-2.0
// TlsOptions: whom a client trusts, and who it says that it is.
// Files are PEM. They are read again when they change, for the connections that are made afterwards; to change a
// certificate together with its key, rename a new folder, or link, over the old one.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace edl {

struct TlsOptions {
  // Certificates of the CAs that servers' certificates come from. Empty: the system's roots.
  std::string ca_file;

  // The client's own certificate, followed by those between it and its CA, and its key without a passphrase. Both or
  // neither: only servers that ask for a certificate (mutual TLS) want them.
  std::string cert_file;
  std::string key_file;

  // The name that servers' certificates are for, where it is not the host of their endpoints. Empty: it is.
  std::string server_name;

  // INVALID_ARGUMENT that names field and file: a file that cannot be read, or holds something else; a key that is not
  // the certificate's. Reads the files.
  absl::Status Validate() const;

  // "ca_file /etc/edl/ca.crt, cert_file …"; names of files, nothing that is in them.
  std::string ToString() const;
};

}  // namespace edl
