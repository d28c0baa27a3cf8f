// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/advertised_endpoint.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace edl {
namespace {

// The local address of a datagram socket that is connected to `host`: nothing is sent, the kernel only looks for a way.
absl::StatusOr<std::string> LocalAddressTowards(const RedisAddress::Host& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(host.port);
  if (int error = getaddrinfo(host.name.c_str(), port.c_str(), &hints, &found); error != 0) {
    return absl::UnavailableError(absl::StrCat("Redis' host '", host.name, "': ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    sockaddr_storage local = {};
    socklen_t size = sizeof local;
    char text[NI_MAXHOST];
    const bool known = connect(fd, address->ai_addr, address->ai_addrlen) == 0 &&
                       getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
                       getnameinfo(reinterpret_cast<const sockaddr*>(&local), size, text, sizeof text, nullptr, 0,
                                   NI_NUMERICHOST) == 0;
    close(fd);
    if (known) return address->ai_family == AF_INET6 ? absl::StrCat("[", text, "]") : std::string(text);
  }
  return absl::UnavailableError(absl::StrCat("this machine has no way to Redis' host '", host.name, "'"));
}

}  // namespace

absl::StatusOr<std::string> ListeningForStudents(const std::vector<std::string>& listening) {
  for (const std::string& address : listening) {
    if (!absl::StartsWith(address, "unix:")) return address;
  }
  return absl::InvalidArgumentError(absl::StrCat(absl::StrJoin(listening, ", "),
                                                 " is for this machine only; listen on host:port, too, or name what "
                                                 "students shall see by --advertise"));
}

bool IsWildcard(const std::string& listening) {
  const std::string host = listening.substr(0, listening.rfind(':'));
  return host == "0.0.0.0" || host == "[::]" || host == "::";
}

absl::StatusOr<std::string> AdvertisedEndpoint(const std::string& listening, const RedisAddress& redis) {
  if (!IsWildcard(listening)) return listening;
  std::string why;
  for (const RedisAddress::Host& host : redis.hosts) {
    absl::StatusOr<std::string> local = LocalAddressTowards(host);
    if (local.ok()) return *local + listening.substr(listening.rfind(':'));
    absl::StrAppend(&why, local.status().message(), "; ");
  }
  return absl::UnavailableError(absl::StrCat(why, "name this teacher's address by --advertise host:port"));
}

}  // namespace edl
