// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/listening_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"

namespace edl {
namespace {

constexpr int kBacklog = 16;

// An IPv6 address needs brackets in front of a port.
std::string Address(const std::string& host, int port) {
  const bool bare_ipv6 = host.find(':') != std::string::npos && host.front() != '[';
  return bare_ipv6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

std::string WithoutBrackets(const std::string& host) {
  const bool bracketed = host.size() > 1 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<ListeningSocket> ListeningSocket::Open(const std::string& host, int port) {
  const std::string address = Address(host, port);
  auto cannot = [&](const char* why) {
    return absl::UnavailableError(absl::StrCat("cannot serve HTTP on ", address, ": ", why));
  };
  if (port < 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("HTTP port is ", port, "; expected 0 (a free one) to 65535"));
  }
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string name = WithoutBrackets(host);
  const char* node = name.empty() ? nullptr : name.c_str();
  if (int error = getaddrinfo(node, std::to_string(port).c_str(), &hints, &found); error != 0) {
    return cannot(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, freeaddrinfo);
  ListeningSocket opened(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "");
  const int yes = 1;  // a port whose last connections still linger is free
  setsockopt(opened.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(opened.fd(), found->ai_addr, found->ai_addrlen) != 0 || listen(opened.fd(), kBacklog) != 0) {
    return cannot(std::strerror(errno));
  }
  opened.endpoint_ = Address(host, PortOf(opened.fd()));
  return opened;
}

}  // namespace edl
