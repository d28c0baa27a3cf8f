// SPDX-License-Identifier: Apache-2.0
// The registry behind rediss://, with a real redis-server that speaks TLS.
#include "gmock/gmock.h"
#include "src/registry/lease_keeper.h"
#include "src/testing/free_port.h"
#include "tests/support/redis_process.h"
#include "tests/support/test_ca.h"

namespace edl {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RedisTls : public ::testing::Test {
 protected:
  std::vector<std::string> Settings(const TlsOptions& tls, const std::string& clients) const {
    return {"tls-port " + port_,
            "tls-cert-file " + tls.cert_file,
            "tls-key-file " + tls.key_file,
            "tls-ca-cert-file " + ca_.file(),
            "tls-auth-clients " + clients,
            "requirepass s3cret"};
  }
  std::string Url(const std::string& parameters) const { return "rediss://" + at_ + "?" + parameters; }
  std::string TryPing(const std::string& url, seconds timeout = seconds(10)) const {
    Interrupt interrupt;
    auto redis = ConnectToRedis(RedisAddress::Parse(url).value(), {timeout, timeout}, interrupt);
    if (!redis.ok()) return redis.status().ToString();
    auto reply = (*redis)->Call({"PING"});
    return reply.ok() ? reply->text : reply.status().ToString();
  }

  test::ScratchFolder folder_;
  test::TestCa ca_{folder_, "edl-ca"};
  test::TestCa other_ca_{folder_, "other-ca"};
  const std::string port_ = std::to_string(testing::FreePort());
  const std::string at_ = "127.0.0.1:" + port_;
  const std::string good_ = "rediss://:s3cret@" + at_ + "?ca=" + ca_.file();
};

TEST_F(RedisTls, ATeacherKeepsItsLease) {
  test::RedisProcess redis(Settings(ca_.Issue("redis"), "no"));
  LeaseOptions options;
  options.redis = good_;
  options.service = "s";
  options.endpoint = "grpcs://10.0.0.2:9898";
  auto keeper = LeaseKeeper::Start(options, nullptr);
  ASSERT_TRUE(keeper.ok()) << keeper.status();
  EXPECT_TRUE((*keeper)->AwaitListed(seconds(20)).ok()) << (*keeper)->AwaitListed(seconds(0));
  const std::string plain = "redis://:s3cret@127.0.0.1:" + std::to_string(redis.port());
  EXPECT_EQ(redis.Call({"HGET", "/service/s/nodes/grpcs://10.0.0.2:9898", "server"}, plain).text,
            "grpcs://10.0.0.2:9898");
}

TEST_F(RedisTls, ALargeReplyComesWhole) {
  test::RedisProcess redis(Settings(ca_.Issue("redis"), "no"));
  const std::string value(3'000'000, 'v');
  EXPECT_EQ(redis.Call({"SET", "k", value}, good_).text, "OK");
  EXPECT_EQ(redis.Call({"GET", "k"}, good_).text, value);
}

TEST_F(RedisTls, ACertificateIsShownToAServerThatAsksForOne) {
  test::RedisProcess redis(Settings(ca_.Issue("redis"), "yes"));
  const TlsOptions own = ca_.Issue("student");
  EXPECT_EQ(TryPing(good_ + "&cert=" + own.cert_file + "&key=" + own.key_file), "PONG");
  EXPECT_THAT(TryPing(good_), AllOf(HasSubstr("UNAUTHENTICATED: Redis at " + at_ + " cannot be spoken to by TLS: it "),
                                    HasSubstr("client certificate")));
}

TEST_F(RedisTls, WhatIsWrongWithTheServersCertificateIsSaid) {
  {
    test::RedisProcess redis(Settings(ca_.Issue("redis"), "no"));
    EXPECT_THAT(
        TryPing("rediss://:s3cret@" + at_ + "?ca=" + other_ca_.file()),
        HasSubstr("its certificate (CN=redis) comes from the CA CN=edl-ca, which is not in " + other_ca_.file()));
    EXPECT_THAT(TryPing("rediss://:s3cret@" + at_), HasSubstr("which is not in the system's roots"));
  }
  test::RedisProcess redis(Settings(ca_.Issue("redis", {"DNS:redis.lan"}), "no"));
  EXPECT_THAT(TryPing(good_), HasSubstr("is for DNS:redis.lan, not for '127.0.0.1'"));
  EXPECT_EQ(TryPing(good_ + "&server-name=redis.lan"), "PONG");
}

TEST_F(RedisTls, PlainAndTlsThatMeetSaySo) {
  test::RedisProcess redis(Settings(ca_.Issue("redis"), "no"));
  EXPECT_THAT(TryPing("redis://:s3cret@" + at_), HasSubstr("Redis at " + at_));
  // Redis' plain port answers a handshake when there happens to be the end of a line in it.
  EXPECT_THAT(TryPing("rediss://:s3cret@127.0.0.1:" + std::to_string(redis.port()) + "?ca=" + ca_.file(), seconds(1)),
              ::testing::AnyOf(HasSubstr("does not answer a TLS handshake: is that its TLS port?"),
                               HasSubstr("cannot be spoken to by TLS: it answers without TLS")));
}

TEST_F(RedisTls, AFileThatIsNotThereIsNamed) {
  test::RedisProcess redis(Settings(ca_.Issue("redis"), "no"));
  EXPECT_THAT(TryPing("rediss://" + at_ + "?ca=/nowhere"),
              HasSubstr("INVALID_ARGUMENT: Redis at " + at_ + " cannot be spoken to by TLS: ca_file '/nowhere'"));
}

TEST_F(RedisTls, ThePasswordComesFromAFileAndANewOneIsTakenAtTheNextConnection) {
  test::RedisProcess redis(Settings(ca_.Issue("redis"), "no"));
  const std::string file = (folder_.path() / "password").string();
  const std::string url = Url("ca=" + ca_.file() + "&password-file=" + file);
  EXPECT_THAT(TryPing(url), HasSubstr("password-file '" + file + "' cannot be read: No such file"));
  folder_.Write("password", "s3cret\n");
  EXPECT_EQ(TryPing(url), "PONG");
  redis.Call({"CONFIG", "SET", "requirepass", "n3wer"}, url);
  EXPECT_THAT(TryPing(url), AllOf(HasSubstr("as the default user"), Not(HasSubstr("s3cret"))));
  folder_.Write("password", "n3wer\n");
  EXPECT_EQ(TryPing(url), "PONG");
}

}  // namespace
}  // namespace edl
