// SPDX-License-Identifier: Apache-2.0
// TLS files: are the certificates and keys that somebody named there, readable, and of one another?
// Place: asked at the start of a client or server, where a person sees the answer; gRPC, which reads the files later,
//        would only say that a handshake failed.
// Errors: INVALID_ARGUMENT - names the field, as the caller calls it, and the file; never what is in the file.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace edl {

// One certificate or more.
absl::Status CheckCertificates(const std::string& field, const std::string& file);

// The private key is that of the first certificate.
absl::Status CheckKeyPair(const std::string& cert_field, const std::string& cert_file, const std::string& key_field,
                          const std::string& key_file);

// Of a pair that has been checked and is about to be used: warns in the log of a key that everybody may read, and of a
// certificate that has expired.
void WarnOfKeyPair(const std::string& cert_file, const std::string& key_file);

// Warns in the log if others than its owner and group may read it. `what`: "the key", "the token file".
void WarnIfOthersMayRead(const std::string& what, const std::string& file);

}  // namespace edl
