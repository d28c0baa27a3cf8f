// SPDX-License-Identifier: Apache-2.0
// TLS between readers and teachers: real certificates, real sockets, and each way in which it can fail.
#include <future>

#include "gmock/gmock.h"
#include "src/rpc/readiness_probe.h"
#include "src/rpc/teacher_client.h"
#include "tests/support/eventually.h"
#include "tests/support/secure_teacher.h"
#include "tests/support/test_ca.h"

namespace edl {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Tls : public ::testing::Test {
 protected:
  ReaderOptions Options(const TlsOptions& tls) const {
    ReaderOptions options = test::RowOptions();
    options.tls = tls;
    return options;
  }
  // Trusts the CA, and shows nothing.
  TlsOptions Trusting(const test::TestCa& ca) const {
    TlsOptions tls;
    tls.ca_file = ca.file();
    return tls;
  }
  // A reader's error, which is also its lane's.
  std::string Refusal(const std::string& endpoint, const ReaderOptions& options) const {
    const test::ReadingResult result = test::ReadFrom(endpoint, options);
    EXPECT_EQ(result.lane.state, "refused");
    EXPECT_THAT(result.error, HasSubstr(result.lane.last_error.substr(0, result.lane.last_error.find(':'))));
    EXPECT_THAT(result.error,
                HasSubstr("UNAUTHENTICATED: every teacher that can be reached refuses; teacher " + endpoint + ": "));
    return result.error;
  }

  test::ScratchFolder folder_;
  test::TestCa ca_{folder_, "edl-ca"};
  test::TestCa other_ca_{folder_, "other-ca"};
};

// One probe over a connection of its own.
absl::Status ProbeOnce(const std::string& endpoint, const std::shared_ptr<const ClientSecurity>& security) {
  TeacherClientOptions options;
  options.security = security;
  auto client = NewGrpcTeacherClient(endpoint, options);
  auto probe = client->NewModelProbe();
  std::promise<absl::Status> status;
  probe->Start("", seconds(10), [&](absl::StatusOr<ModelInfo> info) { status.set_value(info.status()); });
  return status.get_future().get();
}

std::shared_ptr<const ClientSecurity> SecurityOf(const TlsOptions& tls) {
  ClientSecurityOptions options;
  options.tls = tls;
  auto security = ClientSecurity::Create(options);
  EXPECT_TRUE(security.ok()) << security.status();
  return *security;
}

template <typename Condition>
bool Eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + seconds(20);
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return true;
  }
  return false;
}

TEST_F(Tls, AReaderWithTlsOptionsSpeaksItToEveryTeacher) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher")));
  for (const std::string& endpoint : {teacher->endpoint(), "grpcs://" + teacher->endpoint()}) {
    EXPECT_EQ(test::ReadFrom(endpoint, Options(Trusting(ca_))).error, "") << endpoint;
  }
}

TEST_F(Tls, AUnixSocketSpeaksItToo) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher")), "unix:" + (folder_.path() / "socket").string());
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), Options(Trusting(ca_))).error, "");
}

TEST_F(Tls, MutualTlsLetsInWhoShowsACertificateOfTheClientCa) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher"), ca_.file()));
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), Options(ca_.Issue("student"))).error, "");
}

TEST_F(Tls, AStudentWithoutACertificateIsToldToNameOne) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher"), ca_.file()));
  EXPECT_THAT(Refusal(teacher->endpoint(), Options(Trusting(ca_))),
              HasSubstr("TLS: it asks for a client certificate (mutual TLS): name ours as cert_file and key_file"));
}

TEST_F(Tls, ACertificateOfACaThatTheTeacherDoesNotKnowIsNamed) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher"), ca_.file()));
  TlsOptions tls = other_ca_.Issue("stranger");
  tls.ca_file = ca_.file();
  EXPECT_THAT(Refusal(teacher->endpoint(), Options(tls)),
              HasSubstr("TLS: it does not accept our client certificate " + tls.cert_file +
                        ", which comes from the CA CN=other-ca: is that its client CA?"));
}

TEST_F(Tls, AStudentsCertificateThatHasExpiredIsNamed) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher"), ca_.file()));
  const TlsOptions tls = ca_.Issue("late", {"DNS:late", -3, -1});
  EXPECT_THAT(Refusal(teacher->endpoint(), Options(tls)), HasSubstr("TLS: it does not accept our client certificate " +
                                                                    tls.cert_file + ", which has expired, on "));
}

TEST_F(Tls, ATeachersCertificateThatHasExpiredIsSaidSo) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher", {"IP:127.0.0.1", -3, -1})));
  EXPECT_THAT(Refusal(teacher->endpoint(), Options(Trusting(ca_))),
              AllOf(HasSubstr("TLS: its certificate (CN=teacher) has expired, on "), HasSubstr("give it a new one")));
}

TEST_F(Tls, ACertificateForAnotherNameIsShownWithItsNamesAndServerNameMendsIt) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher", {"DNS:teacher.lan,DNS:t1"})));
  EXPECT_THAT(Refusal(teacher->endpoint(), Options(Trusting(ca_))),
              HasSubstr("TLS: its certificate (CN=teacher) is for DNS:teacher.lan, DNS:t1, not for '127.0.0.1': "
                        "connect by one of its names, or set server_name to one"));
  TlsOptions tls = Trusting(ca_);
  tls.server_name = "teacher.lan";
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), Options(tls)).error, "");
}

TEST_F(Tls, ACertificateOfAnUnknownCaIsSaidSoWithTheFileThatLacksIt) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher")));
  EXPECT_THAT(
      Refusal(teacher->endpoint(), Options(Trusting(other_ca_))),
      HasSubstr("TLS: its certificate (CN=teacher) comes from the CA CN=edl-ca, which is not in " + other_ca_.file()));
}

TEST_F(Tls, GrpcsWithoutOptionsTrustsTheSystemsRoots) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher")));
  EXPECT_THAT(Refusal("grpcs://" + teacher->endpoint(), test::RowOptions()),
              HasSubstr("comes from the CA CN=edl-ca, which is not in the system's roots (name its CA as ca_file)"));
}

TEST_F(Tls, APlainReaderIsToldThatTheTeacherSpeaksTls) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher")));
  EXPECT_THAT(Refusal(teacher->endpoint(), test::RowOptions()),
              HasSubstr("it speaks TLS, and was spoken to without: list it as grpcs://host:port, or set the TLS "
                        "options"));
}

TEST_F(Tls, AReaderIsToldThatTheTeacherSpeaksPlainly) {
  auto teacher = test::Serve({});
  EXPECT_THAT(Refusal(teacher->endpoint(), Options(Trusting(ca_))),
              HasSubstr("TLS: it answers without TLS: give it a certificate and key, or speak to it plainly"));
}

TEST_F(Tls, ThereIsNoDowngradeToWhatARegistrySays) {
  auto teacher = test::Serve({});
  EXPECT_THAT(Refusal("grpc://" + teacher->endpoint(), Options(Trusting(ca_))),
              HasSubstr("its endpoint says grpc://, without TLS, and this client has been told to use TLS"));
  EXPECT_EQ(teacher->stats().calls, 0);
  EXPECT_EQ(test::ReadFrom("grpc://" + teacher->endpoint(), test::RowOptions()).error, "") << "without options";
}

TEST_F(Tls, ATeacherTakesItsNewCertificateWithoutARestart) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher")));
  EXPECT_TRUE(ProbeOnce(teacher->endpoint(), SecurityOf(Trusting(ca_))).ok());
  auto new_trust = SecurityOf(Trusting(other_ca_));
  EXPECT_FALSE(ProbeOnce(teacher->endpoint(), new_trust).ok());
  other_ca_.Issue("teacher");  // over the old files, key and certificate one after the other
  EXPECT_TRUE(Eventually([&] { return ProbeOnce(teacher->endpoint(), new_trust).ok(); }));
  EXPECT_FALSE(ProbeOnce(teacher->endpoint(), SecurityOf(Trusting(ca_))).ok());
}

TEST_F(Tls, AStudentTakesItsNewCertificateAndCaWithoutARestart) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher"), ca_.file()));
  TlsOptions tls = other_ca_.Issue("student");
  tls.ca_file = (folder_.path() / "trusted.crt").string();
  std::filesystem::copy_file(other_ca_.file(), tls.ca_file);
  auto security = SecurityOf(tls);
  EXPECT_FALSE(ProbeOnce(teacher->endpoint(), security).ok());
  ca_.Issue("student");
  std::filesystem::copy_file(ca_.file(), folder_.path() / "next.crt");
  std::filesystem::rename(folder_.path() / "next.crt", tls.ca_file);
  EXPECT_TRUE(Eventually([&] { return ProbeOnce(teacher->endpoint(), security).ok(); }));
}

TEST_F(Tls, ATeacherDoesNotStartWithFilesThatDoNotFit) {
  const TlsOptions good = ca_.Issue("teacher");
  auto refused = [](const ServerSecurityOptions& security) { return test::TryServe(security).status().ToString(); };
  ServerSecurityOptions security = test::ServerTls(good);
  security.key_file.clear();
  EXPECT_THAT(refused(security), HasSubstr("INVALID_ARGUMENT: --tls-key is missing; TLS needs --tls-cert and"));
  security = test::ServerTls(good);
  security.key_file = ca_.Issue("other").key_file;
  EXPECT_THAT(refused(security), AllOf(HasSubstr("--tls-key '"), HasSubstr("is not the key of the certificate in")));
  security = test::ServerTls(good, "/nowhere/ca.crt");
  EXPECT_THAT(refused(security), HasSubstr("--tls-client-ca '/nowhere/ca.crt' cannot be read: No such file"));
  security.cert_file.clear();
  EXPECT_THAT(refused(security), HasSubstr("--tls-cert is missing")) << "a client CA alone protects nothing";
}

TEST_F(Tls, AReaderIsNotMadeWithFilesThatDoNotFit) {
  TlsOptions tls = ca_.Issue("student");
  tls.key_file = ca_.Issue("other").key_file;
  EXPECT_THAT(test::ReadFrom("127.0.0.1:1", Options(tls)).error,
              AllOf(HasSubstr("INVALID_ARGUMENT: tls: key_file '"), HasSubstr("is not the key of the certificate in")));
}

TEST_F(Tls, AServerThatIsNotOursIsCheckedByTls) {
  auto teacher = test::Serve(test::ServerTls(ca_.Issue("teacher")));
  ReadinessProbe trusts("grpcs://" + teacher->endpoint(), "rows", SecurityOf(Trusting(ca_)));
  EXPECT_TRUE(trusts.Check(seconds(10)).ok());
  ReadinessProbe plain(teacher->endpoint(), "rows");
  EXPECT_THAT(plain.Check(seconds(10)).ToString(), HasSubstr("UNAUTHENTICATED: health check: it speaks TLS"));
}

}  // namespace
}  // namespace edl
