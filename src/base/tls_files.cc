// SPDX-License-Identifier: Apache-2.0
#include "src/base/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "edl/tls.h"
#include "src/base/log.h"
#include "src/base/status.h"

namespace edl {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;
using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

absl::Status Wrong(const std::string& field, const std::string& file, const std::string& why) {
  ERR_clear_error();  // the thread's next user of OpenSSL is not to find ours
  return absl::InvalidArgumentError(absl::StrCat(field, " '", file, "' ", why));
}

absl::Status Unreadable(const std::string& field, const std::string& file, int error) {
  return Wrong(field, file, absl::StrCat("cannot be read: ", std::strerror(error)));
}

// OpenSSL would ask whoever sits at the terminal.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

absl::Status ReadCertificate(const std::string& field, const std::string& name, Certificate& certificate) {
  const File file(std::fopen(name.c_str(), "re"), std::fclose);
  if (file == nullptr) return Unreadable(field, name, errno);
  certificate.reset(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr)
    return Wrong(field, name, "holds no certificate; expected PEM, -----BEGIN CERTIFICATE-----");
  return absl::OkStatus();
}

absl::Status ReadKey(const std::string& field, const std::string& name, Key& key) {
  const File file(std::fopen(name.c_str(), "re"), std::fclose);
  if (file == nullptr) return Unreadable(field, name, errno);
  bool encrypted = false;
  key.reset(PEM_read_PrivateKey(file.get(), nullptr, NoPassphrase, &encrypted));
  if (key != nullptr) return absl::OkStatus();
  return Wrong(field, name,
               encrypted ? "is encrypted; expected a key without a passphrase (openssl pkey -in … -out …)"
                         : "holds no private key; expected PEM, -----BEGIN PRIVATE KEY-----");
}

}  // namespace

absl::Status CheckCertificates(const std::string& field, const std::string& file) {
  Certificate certificate(nullptr, X509_free);
  return ReadCertificate(field, file, certificate);
}

absl::Status CheckKeyPair(const std::string& cert_field, const std::string& cert_file, const std::string& key_field,
                          const std::string& key_file) {
  Certificate certificate(nullptr, X509_free);
  Key key(nullptr, EVP_PKEY_free);
  EDL_RETURN_IF_ERROR(ReadCertificate(cert_field, cert_file, certificate));
  EDL_RETURN_IF_ERROR(ReadKey(key_field, key_file, key));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Wrong(key_field, key_file,
                 absl::StrCat("is not the key of the certificate in ", cert_field, " '", cert_file, "'"));
  }
  return absl::OkStatus();
}

void WarnOfKeyPair(const std::string& cert_file, const std::string& key_file) {
  Certificate certificate(nullptr, X509_free);
  const bool read = ReadCertificate("", cert_file, certificate).ok();
  if (read && X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    Log().warn("the certificate in {} has expired: the other side will refuse it", cert_file);
  }
  WarnIfOthersMayRead("the key", key_file);
}

void WarnIfOthersMayRead(const std::string& what, const std::string& file) {
  struct stat found;
  if (stat(file.c_str(), &found) != 0 || !S_ISREG(found.st_mode) || (found.st_mode & S_IROTH) == 0) return;
  Log().warn("{} {} may be read by every user of this machine: chmod o= {}", what, file, file);
}

absl::Status TlsOptions::Validate() const {
  if (!ca_file.empty()) EDL_RETURN_IF_ERROR(CheckCertificates("ca_file", ca_file));
  if (cert_file.empty() != key_file.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(cert_file.empty() ? "key_file" : "cert_file", " is given without ",
                                                   cert_file.empty() ? "cert_file" : "key_file",
                                                   "; expected both or neither"));
  }
  if (cert_file.empty()) return absl::OkStatus();
  return CheckKeyPair("cert_file", cert_file, "key_file", key_file);
}

std::string TlsOptions::ToString() const {
  std::string text = absl::StrCat("ca_file ", ca_file.empty() ? "(the system's roots)" : ca_file);
  if (!cert_file.empty()) absl::StrAppend(&text, ", cert_file ", cert_file, ", key_file ", key_file);
  if (!server_name.empty()) absl::StrAppend(&text, ", server_name ", server_name);
  return text;
}

}  // namespace edl
