// SPDX-License-Identifier: Apache-2.0
#include "src/base/tls_files.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"
#include "src/base/log.h"
#include "tests/support/test_ca.h"

namespace edl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TlsFiles : public ::testing::Test {
 protected:
  // What Validate says of them, and in logged_ what the log says when they are used.
  std::string Verdict(const TlsOptions& options) {
    std::ostringstream out;
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(out);
    Log().sinks().push_back(sink);
    const absl::Status status = options.Validate();
    if (status.ok() && !options.cert_file.empty()) WarnOfKeyPair(options.cert_file, options.key_file);
    Log().sinks().pop_back();
    logged_ = out.str();
    return status.ok() ? "" : status.ToString();
  }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  test::ScratchFolder folder_;
  test::TestCa ca_{folder_, "ca"};
  const TlsOptions good_ = ca_.Issue("student");
  std::string logged_;
};

TEST_F(TlsFiles, GoodOnesAreTakenWithoutAWord) {
  EXPECT_EQ(Verdict(good_), "");
  EXPECT_EQ(Verdict({}), "") << "the system's roots, and no certificate of our own";
  EXPECT_EQ(logged_, "");
}

TEST_F(TlsFiles, ACertificateWithoutItsKeyIsRefused) {
  TlsOptions options = good_;
  options.key_file.clear();
  EXPECT_THAT(Verdict(options), HasSubstr("cert_file is given without key_file; expected both or neither"));
  std::swap(options.cert_file, options.key_file);
  EXPECT_THAT(Verdict(options), HasSubstr("key_file is given without cert_file"));
}

TEST_F(TlsFiles, AFileThatIsNotThereOrHoldsSomethingElseIsNamed) {
  TlsOptions options = good_;
  options.ca_file = Path("none.crt");
  EXPECT_THAT(Verdict(options),
              HasSubstr("INVALID_ARGUMENT: ca_file '" + options.ca_file + "' cannot be read: No such file"));
  options.ca_file = good_.key_file;
  EXPECT_THAT(Verdict(options), HasSubstr("holds no certificate; expected PEM"));
  options = good_;
  options.key_file = good_.cert_file;
  EXPECT_THAT(Verdict(options), HasSubstr("key_file '" + good_.cert_file + "' holds no private key; expected PEM"));
}

TEST_F(TlsFiles, TheKeyOfAnotherCertificateIsRefused) {
  TlsOptions options = good_;
  options.key_file = ca_.Issue("other").key_file;
  EXPECT_THAT(Verdict(options),
              HasSubstr("key_file '" + options.key_file + "' is not the key of the certificate in cert_file '" +
                        good_.cert_file + "'"));
}

TEST_F(TlsFiles, AKeyWithAPassphraseIsRefusedAndNobodyIsAskedForIt) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  char passphrase[] = "secret";
  TlsOptions options = good_;
  options.key_file = Path("encrypted.key");
  std::FILE* file = std::fopen(options.key_file.c_str(), "we");
  PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), nullptr, 0, nullptr, passphrase);
  std::fclose(file);
  EVP_PKEY_free(key);
  EXPECT_THAT(Verdict(options),
              AllOf(HasSubstr("is encrypted; expected a key without a passphrase"), Not(HasSubstr("secret"))));
}

TEST_F(TlsFiles, AKeyThatEverybodyMayReadIsWarnedOf) {
  chmod(good_.key_file.c_str(), 0644);
  EXPECT_EQ(Verdict(good_), "");
  EXPECT_THAT(logged_, HasSubstr("the key " + good_.key_file + " may be read by every user of this machine: chmod o="));
}

TEST_F(TlsFiles, ACertificateThatHasExpiredIsWarnedOf) {
  EXPECT_EQ(Verdict(ca_.Issue("old", {"DNS:a", -3, -1})), "");
  EXPECT_THAT(logged_, HasSubstr("old.crt has expired: the other side will refuse it"));
}

}  // namespace
}  // namespace edl
