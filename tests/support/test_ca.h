// SPDX-License-Identifier: Apache-2.0
// TestCa: a certification authority of a test's own, which issues whatever certificates the test needs, bad ones too.
#pragma once

#include <string>

#include "edl/tls.h"
#include "tests/support/scratch_folder.h"

namespace edl::test {

// What a certificate is to be like.
struct CertificateKind {
  std::string names = "IP:127.0.0.1,DNS:localhost";  // subjectAltName, as OpenSSL writes it
  int valid_from_days = -1;                          // from now
  int valid_to_days = 1;
};

class TestCa {
 public:
  // Writes NAME.crt into the folder, which outlives it.
  TestCa(const ScratchFolder& folder, const std::string& name);
  ~TestCa();
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;

  // Writes NAME.crt and NAME.key into the folder; gives their names, and this CA's as ca_file.
  TlsOptions Issue(const std::string& name, const CertificateKind& kind = {}) const;

  const std::string& file() const { return file_; }

 private:
  struct Parts;
  const ScratchFolder& folder_;
  const std::string file_;
  Parts* const parts_;
};

}  // namespace edl::test
