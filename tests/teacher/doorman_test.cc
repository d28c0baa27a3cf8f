// SPDX-License-Identifier: Apache-2.0
// Who goes when there are too many, or have sent too much. With gRPC behind it: tests/hostile, tests/fault.
#include "src/teacher/doorman.h"

#include <poll.h>

#include <chrono>
#include <deque>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/raw_http2.h"

namespace edl {
namespace {

using test::RawHttp2;

// Takes every connection, and never reads.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_TRUE(bind(fd_, generic, size) == 0 && listen(fd_, 16) == 0 && getsockname(fd_, generic, &size) == 0);
    endpoint_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~Listener() {
    close(fd_);
    for (const int accepted : accepted_) close(accepted);
  }

  const std::string& endpoint() const { return endpoint_; }

  // A client, and where it comes from.
  std::pair<std::unique_ptr<RawHttp2>, Peer> Connect(const std::string& from = "127.0.0.1") {
    auto client = std::make_unique<RawHttp2>(endpoint_, from);
    return {std::move(client), Accept()};
  }
  Peer Accept() {
    sockaddr_storage address = {};
    socklen_t size = sizeof address;
    accepted_.push_back(accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC));
    EXPECT_GE(accepted_.back(), 0);
    return Peer(address);
  }

  // Whether the i-th that it accepted has not been ended, by either side. (What it has sent is there to be read.)
  bool IsOpen(std::size_t i) const {
    pollfd look = {accepted_[i], POLLRDHUP, 0};
    return poll(&look, 1, 0) == 0;
  }

 private:
  const int fd_;
  std::string endpoint_;
  std::deque<int> accepted_;
};

TEST(Doorman, EndsTheOneWithMostUnfinishedWhileAllTogetherHaveTooMuch) {
  Listener listener;
  Arrivals arrivals;
  const auto [steady, steady_peer] = listener.Connect();
  const auto [first, first_peer] = listener.Connect();
  const auto [second, second_peer] = listener.Connect();
  Doorman doorman({listener.endpoint()}, {100, 1000}, arrivals);

  ASSERT_TRUE(steady->Send(std::string(900, 's')));
  ASSERT_TRUE(first->Send(std::string(901, 'f')));  // together they have too much
  EXPECT_TRUE(first->AwaitEnd());
  EXPECT_TRUE(listener.IsOpen(0)) << "it has less, and is no longer too much";

  arrivals.Note(steady_peer);
  ASSERT_TRUE(second->Send(std::string(1001, 'f')));
  EXPECT_TRUE(second->AwaitEnd());
  ASSERT_TRUE(steady->Send(std::string(900, 's')));  // all in all 1800, of which half has arrived

  const auto [third, third_peer] = listener.Connect();
  ASSERT_TRUE(third->Send(std::string(1001, 'f')));
  EXPECT_TRUE(third->AwaitEnd());
  EXPECT_TRUE(listener.IsOpen(0));
}

TEST(Doorman, EndsThoseOfTheAddressWithMost) {
  Listener listener;
  Arrivals arrivals;
  const auto [honest, honest_peer] = listener.Connect();
  const auto [first, first_peer] = listener.Connect("127.0.0.2");
  const auto [second, second_peer] = listener.Connect("127.0.0.2");
  Doorman doorman({listener.endpoint()}, {100, 1000}, arrivals);
  ASSERT_TRUE(honest->Send(std::string(400, 'h')));
  ASSERT_TRUE(first->Send(std::string(310, 'f')));
  ASSERT_TRUE(second->Send(std::string(300, 's')));
  EXPECT_TRUE(first->AwaitEnd()) << "each has less than the honest one, both together more";
  EXPECT_TRUE(listener.IsOpen(0) && listener.IsOpen(2));
}

TEST(Doorman, OneDoesNotPassForAnotherFromTheSamePort) {
  Listener listener, other;
  Arrivals arrivals;
  RawHttp2 flood, pretext;
  ASSERT_TRUE(flood.Connect(listener.endpoint(), "127.0.0.2"));
  const Peer peer = listener.Accept();
  ASSERT_TRUE(pretext.Connect(other.endpoint(), "127.0.0.2", flood.port()));
  other.Accept();
  Doorman doorman({listener.endpoint(), other.endpoint()}, {100, 1000}, arrivals);
  bool open = true;
  for (int i = 0; i < 6000 && open; ++i) {  // some looks long
    arrivals.Note(peer);
    open = flood.Send(std::string(10, 'f'));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(open);
}

TEST(Doorman, TurnsAwayThoseThatCameLast) {
  Listener listener;
  Arrivals arrivals;
  const auto [inside, peer] = listener.Connect();
  Doorman doorman({listener.endpoint()}, {1, 1000}, arrivals);
  const auto [late, late_peer] = listener.Connect();
  EXPECT_TRUE(late->AwaitEnd());
  EXPECT_TRUE(listener.IsOpen(0));
}

TEST(Doorman, LeavesOtherConnectionsAlone) {
  Listener listener, other;
  Arrivals arrivals;
  const auto [others, others_peer] = other.Connect();
  ASSERT_TRUE(others->Send(std::string(5000, 'o')));
  Doorman doorman({listener.endpoint()}, {1, 1000}, arrivals);
  const auto [first, first_peer] = listener.Connect();
  ASSERT_TRUE(first->Send(std::string(1001, 'f')));
  EXPECT_TRUE(first->AwaitEnd());
  EXPECT_TRUE(other.IsOpen(0));
}

}  // namespace
}  // namespace edl
