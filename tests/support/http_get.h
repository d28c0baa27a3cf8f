// SPDX-License-Identifier: Apache-2.0
// HttpGet: one request over HTTP/1.0 and its answer, by nothing but a socket.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

namespace edl::test {

struct HttpAnswer {
  int status = 0;  // 0: there was no answer
  std::string head;
  std::string body;
};

// A connection to "127.0.0.1:port", on which a test says what it likes. A read ends after a minute, for a test's sake.
class HttpConnection {
 public:
  // `from`: this machine's address that it comes from, "127.0.0.2".
  explicit HttpConnection(const std::string& endpoint, const std::string& from = "")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (!from.empty()) {
      sockaddr_in source = {};
      source.sin_family = AF_INET;
      inet_pton(AF_INET, from.c_str(), &source.sin_addr);
      bind(fd_, reinterpret_cast<sockaddr*>(&source), sizeof source);
    }
    const std::size_t colon = endpoint.rfind(':');
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(endpoint.c_str() + colon + 1)));
    inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr);
    const timeval minute = {60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~HttpConnection() { close(fd_); }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  bool connected() const { return connected_; }

  void Send(const std::string& bytes) { send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  // There is something to receive, or the end.
  bool Await(std::chrono::milliseconds time) {
    pollfd one = {fd_, POLLIN, 0};
    return poll(&one, 1, static_cast<int>(time.count())) == 1;
  }

  // All that comes until the other side has nothing more to say.
  HttpAnswer Receive() {
    std::string text;
    char bytes[4096];
    for (ssize_t got; (got = recv(fd_, bytes, sizeof bytes, 0)) > 0;) text.append(bytes, static_cast<std::size_t>(got));
    const std::size_t end = text.find("\r\n\r\n");
    if (text.compare(0, 5, "HTTP/") != 0 || end == std::string::npos) return {};
    return {std::atoi(text.c_str() + text.find(' ')), text.substr(0, end), text.substr(end + 4)};
  }

 private:
  const int fd_;
  bool connected_ = false;
};

inline HttpAnswer HttpGet(const std::string& endpoint, const std::string& path, const std::string& method = "GET") {
  HttpConnection connection(endpoint);
  connection.Send(method + " " + path + " HTTP/1.0\r\nHost: " + endpoint + "\r\n\r\n");
  return connection.Receive();
}

}  // namespace edl::test
