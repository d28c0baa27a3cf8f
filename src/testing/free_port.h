// SPDX-License-Identifier: Apache-2.0
// FreePort: a TCP port of this machine that nobody listens on, for a server that starts later, or more than once.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>

namespace edl::testing {

// Below the ports that the system hands out to clients, so that none of those takes it between two runs.
inline int FreePort() {
  std::random_device random;
  while (true) {
    const int port = 20'000 + static_cast<int>(random() % 12'000);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (is_free) return port;
  }
}

}  // namespace edl::testing
