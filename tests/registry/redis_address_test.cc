// SPDX-License-Identifier: Apache-2.0
#include "src/registry/redis_address.h"

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RedisAddress Parsed(const std::string& text) {
  auto address = RedisAddress::Parse(text);
  EXPECT_TRUE(address.ok()) << text << ": " << address.status();
  return address.value_or(RedisAddress{});
}

TEST(RedisAddress, HasHostPortAndDatabase) {
  RedisAddress plain = Parsed("redis://10.0.0.1");
  EXPECT_EQ(plain.hosts.at(0).name, "10.0.0.1");
  EXPECT_EQ(plain.hosts.at(0).port, 6379);
  EXPECT_EQ(plain.db, 0);
  EXPECT_EQ(plain.ToString(), "redis://10.0.0.1:6379");
  RedisAddress full = Parsed("redis://cache.lan:7000/12");
  EXPECT_EQ(full.hosts.at(0).port, 7000);
  EXPECT_EQ(full.db, 12);
  EXPECT_EQ(Parsed("redis://h:1/").db, 0);
}

TEST(RedisAddress, AnIpv6HostStandsInBrackets) {
  RedisAddress address = Parsed("redis://[fe80::1]:7000/1");
  EXPECT_EQ(address.hosts.at(0).name, "fe80::1");
  EXPECT_EQ(address.ToString(), "redis://[fe80::1]:7000/1");
  EXPECT_EQ(Parsed("redis://[::1]").hosts.at(0).port, 6379);
}

TEST(RedisAddress, UserAndPasswordAreDecodedAndNeverShown) {
  RedisAddress address = Parsed("redis://edl:p%40ss%2Fw%3ard@localhost:1");
  EXPECT_EQ(address.user, "edl");
  EXPECT_EQ(address.password, "p@ss/w:rd");
  EXPECT_EQ(address.ToString(), "redis://edl:***@localhost:1");
  EXPECT_EQ(Parsed("redis://:only@localhost:1").user, "");
  EXPECT_EQ(Parsed("redis://:only@localhost:1").password, "only");
  EXPECT_EQ(Parsed("redis://u:a@b/c@[::1]:1").password, "a@b/c") << "what is not encoded and yet clear";
}

TEST(RedisAddress, SentinelsHaveAListOfHostsAndAMaster) {
  RedisAddress address = Parsed("rediss+sentinel://u:p@h1:26379,h2,[::1]:5/my-master/3");
  ASSERT_EQ(address.hosts.size(), 3u);
  EXPECT_EQ(address.hosts[1].port, 26379);
  EXPECT_EQ(address.master, "my-master");
  EXPECT_EQ(address.password, "p");
  EXPECT_EQ(address.db, 3);
  EXPECT_EQ(address.ToString(), "rediss+sentinel://u:***@h1:26379,h2:26379,[::1]:5/my-master/3");
}

TEST(RedisAddress, IsShownSoThatItCanBeReadAgain) {
  EXPECT_EQ(Parsed("redis://us%3aer:p%40ss@127.0.0.1:1").ToString(), "redis://us%3aer:***@127.0.0.1:1");
  EXPECT_EQ(Parsed("redis+sentinel://h/my%2Fmaster%0a/1").ToString(), "redis+sentinel://h:26379/my%2fmaster%0a/1");
}

TEST(RedisAddress, TlsHasItsFilesBehindAQuestionMark) {
  RedisAddress address = Parsed("rediss://edl@cache.lan:7000/2?password-file=/run/a%26b&ca=/etc/ca.crt&server-name=r");
  EXPECT_EQ(address.user, "edl");
  EXPECT_EQ(address.password, "");
  EXPECT_EQ(address.password_file, "/run/a&b");
  EXPECT_EQ(address.db, 2);
  ASSERT_TRUE(address.tls);
  EXPECT_EQ(address.tls->ca_file, "/etc/ca.crt");
  EXPECT_EQ(address.tls->server_name, "r");
  EXPECT_EQ(address.ToString(), "rediss://edl@cache.lan:7000/2?password-file=/run/a%26b&ca=/etc/ca.crt&server-name=r");
  EXPECT_TRUE(Parsed("rediss://:pw@h").tls);
  EXPECT_FALSE(Parsed("redis://h").tls);
}

TEST(RedisAddress, APasswordForAnotherMachineNeedsTlsOrALongWord) {
  for (const char* text : {"redis://:secret@10.0.0.1", "redis://u@cache.lan?password-file=/run/secret",
                           "redis+sentinel://:secret@localhost,10.0.0.1/m"}) {
    auto address = RedisAddress::Parse(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(address.status().message()),
                HasSubstr("has a password for another machine and no TLS, so that others could read it on the way; "
                          "write rediss://, or, on a network that you trust, add ?allow-plaintext-password=yes"));
    EXPECT_THAT(std::string(address.status().message()), Not(HasSubstr("secret"))) << text;
  }
  EXPECT_EQ(Parsed("redis://:pw@10.0.0.1?allow-plaintext-password=yes").ToString(),
            "redis://:***@10.0.0.1:6379?allow-plaintext-password=yes");
  for (const char* text : {"redis://:pw@127.0.0.1", "redis://:pw@[::1]", "rediss://:pw@10.0.0.1", "redis://10.0.0.1"}) {
    Parsed(text);
  }
}

TEST(RedisAddress, WhatIsWrongIsSaidWithoutAWordOfTheAddress) {
  const std::pair<const char*, const char*> bad[] = {
      {"", "is empty"},
      {"secret", "begins with neither"},
      {"redissentinel://:secret@h", "begins with neither"},
      {"rediss://:secret@h?secret=1", "none of password-file, ca, cert"},
      {"rediss://:secret@h?ca", "a parameter without a value"},
      {"redis://h?ca=/secret", "a parameter of TLS"},
      {"rediss://:secret@h?password-file=/secret", "a password and a password-file"},
      {"redis://:secret@h?allow-plaintext-password=secret", "that is not 'yes'"},
      {"redis://", "names no host"},
      {"redis://:secret", "names no host"},
      {"redis://user:secret", "port"},
      {"redis://:secret@h:port", "port"},
      {"redis://:secret@h:0", "port"},
      {"redis://:secret@h:65536", "port"},
      {"redis://:secret@h:", "port"},
      {"redis://:secret@h:1/secret", "database"},
      {"redis://:secret@h:1/-1", "database"},
      {"redis://:secret%zz@h:1", "two hex digits"},
      {"redis://:secret%4@h:1", "two hex digits"},
      {"redis://secret@h:1", "no password"},
      {"redis://:secret@[::1:6379", "']'"},
      {"redis://:secret@h1:1,h2:2", "several hosts"},
      {"redis+sentinel://:secret@h1:1,h2:2", "master"},
      {"redis+sentinel://:secret@h1:1,,h2:2/m", "names no host"},
      {"redis://:secret@a b:1", "names no host"},
  };
  for (const auto& [text, why] : bad) {
    auto address = RedisAddress::Parse(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(why)) << text;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr("expected redis://")) << text;
    EXPECT_THAT(std::string(address.status().message()), Not(HasSubstr("secret"))) << text;
  }
}

}  // namespace
}  // namespace edl
