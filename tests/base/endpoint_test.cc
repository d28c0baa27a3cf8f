// SPDX-License-Identifier: Apache-2.0
#include "src/base/endpoint.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

TEST(Endpoint, TakesItsForms) {
  for (const char* good : {"10.0.0.2:9898", "teacher-1.lan:1", "[::1]:9898", "[fe80::1%eth0]:9898",
                           "dns:///teachers:9898", "xn--gre-5oa9a.lan:1", "unix:/tmp/t.sock", "unix:///tmp/t.sock",
                           "localhost:65535", "grpcs://10.0.0.2:9898", "grpcs://[::1]:9898", "grpc://teacher:1"}) {
    EXPECT_TRUE(CheckEndpoint(good).ok()) << good << ": " << CheckEndpoint(good);
  }
}

TEST(Endpoint, RefusesWhatGrpcWouldConnectToInVain) {
  for (const char* bad : {"",
                          "host",
                          ":9898",
                          "host:",
                          "host:0",
                          "host:65536",
                          "host:+5",
                          "host: 5",
                          "::1:9898",
                          "http://host:80",
                          "unix:",
                          "unix:relative",
                          "dns:///",
                          "a b:1",
                          "host:1\n",
                          "[]:80",
                          "[host]:80",
                          "[::1]]:80",
                          "[127.0.0.1]:80",
                          "dns:///[x]:80",
                          "grpcs://host",
                          "grpcs://unix:/t",
                          "grpcs://grpc://h:1",
                          "https://h:1"}) {
    EXPECT_FALSE(CheckEndpoint(bad).ok()) << bad;
  }
}

// It goes into logs, terminals and Prometheus' labels, which know no other bytes than text.
TEST(Endpoint, IsPrintableAscii) {
  for (const char* bad : {"\xff:1",
                          "gr\xc3\xb6\xc3\x9f"
                          "e.lan:1",
                          "dns:///\x80:1", "unix:/tmp/\xff", "a\x7f:1"}) {
    EXPECT_FALSE(CheckEndpoint(bad).ok()) << bad;
  }
}

TEST(Endpoint, RefusesWhatGrpcWouldTakeForAnotherPlace) {
  for (const char* bad :
       {"../:80", "../../etc/passwd:80", "unix:/tmp/a?b", "unix:/tmp/%2e%2e/b", "unix:/tmp/a#b", "host?:80",
        "host#x:80", "ho%73t:80", "user@host:80", "h\xc3\xb6st:80", "\xff:80", "host\x1b[31m:80", "xds:///host:80",
        "ipv4:1.2.3.4:80", "unix-abstract:x", "http:80/:80", "vsock:1:80", "dns://8.8.8.8/host:80", "dns:host:80"}) {
    EXPECT_FALSE(CheckEndpoint(bad).ok()) << bad;
  }
  EXPECT_LT(CheckEndpoint(std::string(1 << 20, 'x')).message().size(), 1000u);
}

TEST(Endpoint, AHostWithTheNameOfASchemeIsAHost) {
  EXPECT_EQ(EndpointUri("dns:80"), "dns:///dns:80");
  EXPECT_EQ(EndpointUri("[::1]:80"), "dns:///[::1]:80");
  for (const char* uri : {"dns:///teacher:80", "unix:/tmp/t.sock"}) EXPECT_EQ(EndpointUri(uri), uri);
}

TEST(Endpoint, SaysWhetherItIsSpokenToByTls) {
  EXPECT_EQ(TlsOf("grpcs://teacher:80"), EndpointTls::kYes);
  EXPECT_EQ(TlsOf("grpc://teacher:80"), EndpointTls::kNo);
  for (const char* unsaid : {"teacher:80", "dns:///teacher:80", "unix:/tmp/t.sock"}) {
    EXPECT_EQ(TlsOf(unsaid), EndpointTls::kUnsaid);
  }
  EXPECT_EQ(EndpointUri("grpcs://[::1]:80"), "dns:///[::1]:80");
  EXPECT_EQ(EndpointUri("grpc://teacher:80"), "dns:///teacher:80");
}

TEST(Endpoint, HasAHostThatACertificateCanBeFor) {
  EXPECT_EQ(EndpointHost("grpcs://teacher.lan:80"), "teacher.lan");
  EXPECT_EQ(EndpointHost("grpcs://[::1]:80"), "::1");
  EXPECT_EQ(EndpointHost("dns:///10.0.0.2:80"), "10.0.0.2");
  EXPECT_EQ(EndpointHost("unix:/tmp/t.sock"), "localhost");
}

TEST(Endpoint, IsLoopbackWhenNobodyBeyondThisMachineReachesIt) {
  for (const char* here : {"127.0.0.1:1", "127.9.8.7:1", "localhost:1", "[::1]:1", "unix:/tmp/t.sock",
                           "dns:///localhost:1", "grpcs://127.0.0.1:1"}) {
    EXPECT_TRUE(IsLoopback(here)) << here;
    EXPECT_TRUE(IsThisMachine(here)) << here;
  }
  for (const char* elsewhere :
       {"0.0.0.0:1", "10.0.0.2:1", "[::]:1", "teacher:1", "dns:///teacher:1", "localhost.lan:1", "grpcs://teacher:1"}) {
    EXPECT_FALSE(IsLoopback(elsewhere)) << elsewhere;
  }
  EXPECT_FALSE(IsThisMachine("192.0.2.1:1"));  // an address that is kept for documents
}

}  // namespace
}  // namespace edl
