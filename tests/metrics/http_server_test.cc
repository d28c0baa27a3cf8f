// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/http_server.h"

#include <deque>
#include <stdexcept>
#include <type_traits>

#include "gmock/gmock.h"
#include "tests/support/http_get.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using test::HttpAnswer;
using test::HttpConnection;
using test::HttpGet;
using ::testing::HasSubstr;

HttpServer::Pages Hello() {
  return {{"/hello", [] { return HttpReply{200, "hello\n"}; }}};
}

std::unique_ptr<HttpServer> StartServer(HttpServer::Pages pages = Hello(),
                                        milliseconds longest = std::chrono::minutes(1)) {
  auto server = HttpServer::Start("127.0.0.1", 0, std::move(pages), longest);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

TEST(HttpServer, AnswersItsPagesAndSaysWhichThereAre) {
  auto server = StartServer({{"/hello",
                              [] {
                                return HttpReply{200, "hello\n"};
                              }},
                             {"/sorry", [] {
                                return HttpReply{503, "not now\n", "text/html"};
                              }}});
  const HttpAnswer hello = HttpGet(server->endpoint(), "/hello");
  EXPECT_EQ(hello.status, 200);
  EXPECT_EQ(hello.body, "hello\n");
  EXPECT_THAT(hello.head, HasSubstr("Content-Type: text/plain; charset=utf-8"));
  EXPECT_EQ(HttpGet(server->endpoint(), "/hello?really=yes").body, "hello\n");
  const HttpAnswer sorry = HttpGet(server->endpoint(), "/sorry");
  EXPECT_EQ(sorry.status, 503);
  EXPECT_THAT(sorry.head, HasSubstr("Content-Type: text/html"));
  const HttpAnswer nothing = HttpGet(server->endpoint(), "/etc/passwd");
  EXPECT_EQ(nothing.status, 404);
  EXPECT_THAT(nothing.body, HasSubstr("/hello\n/sorry\n"));
}

TEST(HttpServer, GivesHeadsWithoutBodiesAndTakesNothing) {
  auto server = StartServer();
  const HttpAnswer head = HttpGet(server->endpoint(), "/hello", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.head, HasSubstr("Content-Length: 6"));
  EXPECT_EQ(head.body, "");
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    const HttpAnswer refused = HttpGet(server->endpoint(), "/hello", method);
    EXPECT_EQ(refused.status, 405) << method;
    EXPECT_THAT(refused.head, HasSubstr("Allow: GET, HEAD"));
  }
  EXPECT_EQ(HttpGet(server->endpoint(), "/hello").status, 200);
}

TEST(HttpServer, SaysWhyAPageFailedAndServesTheNext) {
  auto server = StartServer(
      {{"/bad", []() -> HttpReply { throw std::runtime_error("no numbers today"); }}, {"/good", [] {
                                                                                         return HttpReply{200, "good"};
                                                                                       }}});
  const HttpAnswer bad = HttpGet(server->endpoint(), "/bad");
  EXPECT_EQ(bad.status, 500);
  EXPECT_THAT(bad.body, HasSubstr("no numbers today"));
  EXPECT_EQ(HttpGet(server->endpoint(), "/good").body, "good");
}

TEST(HttpServer, IsHeldUpByNobodyWhoSaysHalfOfWhatHeWants) {
  auto server = StartServer();
  HttpConnection slow(server->endpoint()), silent(server->endpoint());
  slow.Send("GET /hel");
  EXPECT_EQ(HttpGet(server->endpoint(), "/hello").body, "hello\n");
  slow.Send("lo HTTP/1.0\r\n\r\n");
  EXPECT_EQ(slow.Receive().body, "hello\n");
  server.reset();  // with one that has said nothing
  EXPECT_EQ(silent.Receive().status, 0);
}

TEST(HttpServer, TakesNoRequestWithoutAnEnd) {
  auto server = StartServer();
  HttpConnection endless(server->endpoint());
  endless.Send("GET /hello HTTP/1.0\r\n");
  for (int i = 0; i < 1000; ++i) endless.Send("X-Header-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n");
  EXPECT_THAT(endless.Receive().status, ::testing::AnyOf(0, 413, 431));
  HttpConnection nonsense(server->endpoint());
  nonsense.Send(std::string(1000, '\xff') + "\r\n\r\n");
  EXPECT_NE(nonsense.Receive().status, 200);
  EXPECT_EQ(HttpGet(server->endpoint(), "/hello").status, 200);
}

// Silence is not what makes a client slow: these never are silent, and together they have all places.
TEST(HttpServer, IsHeldUpByNobodyWhoSendsAByteNowAndThen) {
  auto server = StartServer(Hello(), milliseconds(300));
  std::deque<HttpConnection> crowd;
  for (int i = 0; i < 32; ++i) {
    crowd.emplace_back(server->endpoint(), "127.0.0." + std::to_string(2 + i / 8)).Send("GET /hello HTTP/1.0\r\nX: ");
  }
  HttpConnection asking(server->endpoint(), "127.0.0.10");
  asking.Send("GET /hello HTTP/1.0\r\n\r\n");
  bool answered = false;
  for (int round = 0; round < 1000 && !answered; ++round) {  // less than a request's 16 KiB
    for (HttpConnection& one : crowd) one.Send("x");
    answered = asking.Await(milliseconds(10));
  }
  ASSERT_TRUE(answered);
  EXPECT_EQ(asking.Receive().body, "hello\n");
}

TEST(HttpServer, GivesNoAddressAllPlaces) {
  auto server = StartServer(Hello(), std::chrono::hours(1));
  std::deque<HttpConnection> crowd;
  for (int i = 0; i < 40; ++i) crowd.emplace_back(server->endpoint(), "127.0.0.2").Send("GET");
  HttpConnection asking(server->endpoint());
  asking.Send("GET /hello HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(asking.Await(std::chrono::seconds(60)));
  EXPECT_EQ(asking.Receive().body, "hello\n");
  EXPECT_TRUE(crowd.back().Await(std::chrono::seconds(60))) << "it has no place, and is told so";
  EXPECT_FALSE(crowd.front().Await(milliseconds(0))) << "it has one";
}

TEST(HttpServer, KeepsNoPlaceForTheNextRequest) {
  auto server = StartServer(Hello(), std::chrono::hours(1));
  HttpConnection asking(server->endpoint());
  asking.Send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(asking.Receive().head, HasSubstr("Connection: close"));
}

static_assert(!std::is_copy_constructible_v<HttpServer>, "the end of a copy would stop the server");

TEST(HttpServer, ServesAgainWhenACrowdHasGone) {
  auto server = StartServer();
  {
    std::deque<HttpConnection> crowd;
    for (int i = 0; i < 40; ++i) crowd.emplace_back(server->endpoint()).Send("GET");  // more than it serves at a time
  }
  // Until it has seen that they are gone, this address has no place.
  HttpAnswer answer;
  for (int i = 0; i < 10'000 && answer.status == 0; ++i) answer = HttpGet(server->endpoint(), "/hello");
  EXPECT_EQ(answer.body, "hello\n");
}

TEST(HttpServer, SaysWhichAddressItCannotHaveAndWhy) {
  auto server = StartServer();
  auto why_not = [](const std::string& host, int port) {
    return HttpServer::Start(host, port, {}).status().ToString();
  };
  const int taken = std::stoi(server->endpoint().substr(server->endpoint().rfind(':') + 1));
  EXPECT_EQ(why_not("127.0.0.1", taken),
            "UNAVAILABLE: cannot serve HTTP on " + server->endpoint() + ": Address already in use");
  EXPECT_EQ(why_not("127.0.0.1", 70000), "INVALID_ARGUMENT: HTTP port is 70000; expected 0 (a free one) to 65535");
  EXPECT_THAT(why_not("192.0.2.1", 0), HasSubstr("cannot serve HTTP on 192.0.2.1:0: Cannot assign requested address"));
  EXPECT_THAT(why_not("no.such.host.invalid", 0), HasSubstr("cannot serve HTTP on no.such.host.invalid:0: "));
}

TEST(HttpServer, NamesAnIpv6AddressWithBrackets) {
  for (const char* host : {"::1", "[::1]"}) {
    auto server = HttpServer::Start(host, 0, {});
    if (!server.ok()) GTEST_SKIP() << "no IPv6 here: " << server.status();
    EXPECT_THAT((*server)->endpoint(), ::testing::StartsWith("[::1]:"));
  }
}

}  // namespace
}  // namespace edl
