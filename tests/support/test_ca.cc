// SPDX-License-Identifier: Apache-2.0
#include "tests/support/test_ca.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>

namespace edl::test {
namespace {

constexpr long kDay = 24 * 3600;

void Name(X509* certificate, const std::string& name) {
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
}

void Extend(X509* certificate, X509* issuer, int extension, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
  ASSERT_NE(made, nullptr) << value;
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

X509* NewCertificate(const std::string& name, EVP_PKEY* key, int from_days, int to_days) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  unsigned char number[8];
  RAND_bytes(number, sizeof number);
  number[0] &= 0x7f;
  std::uint64_t serial = 0;
  for (unsigned char byte : number) serial = serial << 8 | byte;
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_days * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_days * kDay);
  X509_set_pubkey(certificate, key);
  Name(certificate, name);
  return certificate;
}

// Renamed over what was there, so that nobody reads half a file.
template <typename Writer>
void WriteFile(const std::string& name, Writer&& write) {
  const std::string next = name + ".next";
  std::FILE* file = std::fopen(next.c_str(), "we");
  ASSERT_NE(file, nullptr) << next;
  EXPECT_EQ(write(file), 1);
  std::fclose(file);
  chmod(next.c_str(), 0600);
  ASSERT_EQ(std::rename(next.c_str(), name.c_str()), 0);
}

}  // namespace

struct TestCa::Parts {
  EVP_PKEY* key;
  X509* certificate;
};

TestCa::TestCa(const ScratchFolder& folder, const std::string& name)
    : folder_(folder), file_((folder.path() / (name + ".crt")).string()), parts_(new Parts) {
  parts_->key = EVP_EC_gen("P-256");
  parts_->certificate = NewCertificate(name, parts_->key, -100, 100);
  X509_set_issuer_name(parts_->certificate, X509_get_subject_name(parts_->certificate));
  Extend(parts_->certificate, parts_->certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(parts_->certificate, parts_->key, EVP_sha256());
  WriteFile(file_, [&](std::FILE* file) { return PEM_write_X509(file, parts_->certificate); });
}

TestCa::~TestCa() {
  X509_free(parts_->certificate);
  EVP_PKEY_free(parts_->key);
  delete parts_;
}

TlsOptions TestCa::Issue(const std::string& name, const CertificateKind& kind) const {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      NewCertificate(name, key.get(), kind.valid_from_days, kind.valid_to_days), X509_free);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(parts_->certificate));
  if (!kind.names.empty()) Extend(certificate.get(), parts_->certificate, NID_subject_alt_name, kind.names);
  X509_sign(certificate.get(), parts_->key, EVP_sha256());
  TlsOptions options;
  options.ca_file = file_;
  options.cert_file = (folder_.path() / (name + ".crt")).string();
  options.key_file = (folder_.path() / (name + ".key")).string();
  WriteFile(options.key_file, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  WriteFile(options.cert_file, [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  return options;
}

}  // namespace edl::test
