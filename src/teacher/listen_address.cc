// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/listen_address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace edl {
namespace {

constexpr char kUnix[] = "unix:";

class Socket {
 public:
  explicit Socket(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

std::string UnixPath(const std::string& address) {
  std::string path = address.substr(std::strlen(kUnix));
  return std::string(absl::StripPrefix(path, "//"));  // "unix:///absolute" is gRPC's other spelling
}

// Host and port; the port is empty when there is none.
std::pair<std::string, std::string> Split(const std::string& address) {
  std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, ""};
  std::string host = address.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

absl::Status CannotListen(const std::string& address, const std::string& why) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", why));
}

absl::Status ProbeUnix(const std::string& address) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::string path = UnixPath(address);
  std::memcpy(name.sun_path, path.data(), path.size());
  std::string folder = path.substr(0, path.rfind('/') + 1);
  if (!folder.empty() && access(folder.c_str(), W_OK) != 0) return CannotListen(address, std::strerror(errno));
  Socket socket(AF_UNIX);
  if (connect(socket.fd(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0) {
    return CannotListen(address, std::strerror(EADDRINUSE));
  }
  return absl::OkStatus();
}

absl::Status ProbeTcp(const std::string& address) {
  auto [host, port] = Split(address);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (int error = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return CannotListen(address, gai_strerror(error));
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, freeaddrinfo);
  Socket socket(found->ai_family);
  int yes = 1;  // as gRPC does: a port whose last connections still linger is free
  setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(socket.fd(), found->ai_addr, found->ai_addrlen) != 0 || listen(socket.fd(), 1) != 0) {
    return CannotListen(address, std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckListenAddress(const std::string& address) {
  if (absl::StartsWith(address, kUnix)) {
    std::string path = UnixPath(address);
    const bool fits = path.size() < sizeof(sockaddr_un::sun_path) && path.find('\0') == std::string::npos;
    if (!path.empty() && fits) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("listen address '", address, "': expected a path of 1 to ",
                                                   sizeof(sockaddr_un::sun_path) - 1, " bytes after 'unix:'"));
  }
  auto [host, port] = Split(address);
  int number;
  const bool digits = port.find_first_not_of("0123456789") == std::string::npos;  // SimpleAtoi takes " +80", too
  if (!host.empty() && digits && absl::SimpleAtoi(port, &number) && number <= 65535) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("listen address '", address,
                                                 "': expected host:port (port 0 to 65535, 0 takes a free one), "
                                                 "[ipv6]:port or unix:/path"));
}

absl::Status ProbeListenAddress(const std::string& address) {
  return absl::StartsWith(address, kUnix) ? ProbeUnix(address) : ProbeTcp(address);
}

std::string ListenHost(const std::string& address) {
  return absl::StartsWith(address, kUnix) ? "" : Split(address).first;
}

std::string WithPort(const std::string& address, int port) {
  if (absl::StartsWith(address, kUnix)) return address;
  return absl::StrCat(address.substr(0, address.rfind(':') + 1), port);
}

}  // namespace edl
