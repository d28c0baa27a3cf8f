// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/peer.h"

#include <arpa/inet.h>

#include "gtest/gtest.h"

namespace edl {
namespace {

bool Same(const Peer& a, const Peer& b) {
  return !(a < b) && !(b < a);
}

Peer KernelPeer(const std::string& host, int port) {
  sockaddr_storage address = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<in_port_t>(port));
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr), 1);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<in_port_t>(port));
  }
  return Peer(address);
}

TEST(Peer, IsTheSameHoweverItIsWritten) {
  EXPECT_TRUE(Same(Peer("ipv4:10.0.0.2:43210"), KernelPeer("10.0.0.2", 43210)));
  EXPECT_TRUE(Same(Peer("ipv4:10.0.0.2:43210"), KernelPeer("::ffff:10.0.0.2", 43210)));
  EXPECT_TRUE(Same(Peer("ipv6:%5B::ffff:10.0.0.2%5D:43210"), KernelPeer("10.0.0.2", 43210)));
  EXPECT_TRUE(Same(Peer("ipv6:%5B2001:db8::1%5D:1"), KernelPeer("2001:db8::1", 1)));
  EXPECT_TRUE(Same(Peer("ipv6:[2001:db8::1]:1"), KernelPeer("2001:db8::1", 1)));
  EXPECT_TRUE(Same(Peer("ipv6:%5Bfe80::1%25eth0%5D:1"), KernelPeer("fe80::1", 1)));
}

TEST(Peer, IsAnotherWithAnotherAddressOrPort) {
  EXPECT_FALSE(Same(Peer("ipv4:10.0.0.2:1"), Peer("ipv4:10.0.0.2:2")));
  EXPECT_FALSE(Same(Peer("ipv4:10.0.0.2:1"), Peer("ipv4:10.0.0.3:1")));
  EXPECT_FALSE(Same(Peer("ipv6:%5B2001:db8::1%5D:1"), Peer("ipv6:%5B2001:db8::2%5D:1")));
  EXPECT_FALSE(Same(Peer("unix:/a"), Peer("unix:/b")));
}

TEST(Peer, OfAnAddressAreOneClientAndSoAreThoseOfANetworkOf64Bits) {
  EXPECT_EQ(Peer("ipv4:10.0.0.2:1").client(), Peer("ipv4:10.0.0.2:2").client());
  EXPECT_NE(Peer("ipv4:10.0.0.2:1").client(), Peer("ipv4:10.0.0.3:1").client());
  EXPECT_EQ(Peer("ipv4:10.0.0.2:1").client(), Peer("ipv6:%5B::ffff:10.0.0.2%5D:2").client());
  EXPECT_EQ(Peer("ipv6:%5B2001:db8:0:1::1%5D:1").client(), Peer("ipv6:%5B2001:db8:0:1:2:3:4:5%5D:2").client());
  EXPECT_NE(Peer("ipv6:%5B2001:db8:0:1::1%5D:1").client(), Peer("ipv6:%5B2001:db8:0:2::1%5D:1").client());
  EXPECT_EQ(Peer("unix:/a").client(), Peer("unix:/a").client());
}

TEST(Peer, ThatIsWrittenLikeNoneIsOneAllTheSame) {
  for (const char* written : {"", ":", "ipv4:", "ipv4:x:1", "ipv6:%5B%5D:1", "inproc"}) {
    EXPECT_EQ(Peer(written).client(), written);
  }
}

}  // namespace
}  // namespace edl
