// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/socket_address.h"

#include <netinet/in.h>

#include "gtest/gtest.h"

namespace edl {
namespace {

void ExpectAddress(const char* written, int family, const std::string& host, int port) {
  const std::optional<SocketAddress> address = SocketAddress::Parse(written);
  ASSERT_TRUE(address) << written;
  EXPECT_EQ(address->bytes.ss_family, family) << written;
  EXPECT_EQ(address->host(), host) << written;
  EXPECT_EQ(address->port(), port) << written;
}

TEST(SocketAddress, IsWhatGrpcWrites) {
  ExpectAddress("ipv4:10.0.0.2:43210", AF_INET, "10.0.0.2", 43210);
  ExpectAddress("ipv6:%5B2001:db8::1%5D:1", AF_INET6, "2001:db8::1", 1);
  ExpectAddress("ipv6:[::ffff:10.0.0.2]:65535", AF_INET6, "::ffff:10.0.0.2", 65535);
  ExpectAddress("unix:/run/teacher", AF_UNIX, "/run/teacher", 0);
}

TEST(SocketAddress, KeepsTheZone) {
  const std::optional<SocketAddress> address = SocketAddress::Parse("ipv6:%5Bfe80::1%25lo%5D:1");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->host(), "fe80::1");
  EXPECT_NE(reinterpret_cast<const sockaddr_in6&>(address->bytes).sin6_scope_id, 0u);
  const std::optional<SocketAddress> by_number = SocketAddress::Parse("ipv6:%5Bfe80::1%257%5D:1");
  ASSERT_TRUE(by_number);
  EXPECT_EQ(reinterpret_cast<const sockaddr_in6&>(by_number->bytes).sin6_scope_id, 7u);
}

TEST(SocketAddress, IsNothingElse) {
  for (const char* written :
       {"", "ipv4:", "ipv4:10.0.0.2", "ipv4:10.0.0.2:", "ipv4:10.0.0.2:65536", "ipv4:10.0.0.2:-1", "ipv4:10.0.0:1",
        "ipv4:[::1]:1", "ipv6:::1:1", "ipv6:[::1:1", "ipv6:[]:1", "unix:", "inproc", "10.0.0.2:1"}) {
    EXPECT_FALSE(SocketAddress::Parse(written)) << written;
  }
  EXPECT_FALSE(SocketAddress::Parse("unix:/" + std::string(200, 'x')));
}

}  // namespace
}  // namespace edl
