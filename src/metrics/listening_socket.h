// SPDX-License-Identifier: Apache-2.0
// ListeningSocket: a TCP port that is ours, before anybody serves on it.
// Errors: Open: INVALID_ARGUMENT - the port is none; UNAVAILABLE - the address cannot be had. Both name it.
// Lifetime: closed with this object, unless Release hands it on.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace edl {

class ListeningSocket {
 public:
  // `host`: a name, an address, or empty for all addresses; `port` 0: a free one.
  static absl::StatusOr<ListeningSocket> Open(const std::string& host, int port);

  ~ListeningSocket();
  ListeningSocket(ListeningSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), endpoint_(std::move(other.endpoint_)) {}
  ListeningSocket& operator=(ListeningSocket&&) = delete;

  int fd() const { return fd_; }
  // "127.0.0.1:43210", "[::1]:43210": with the real port.
  const std::string& endpoint() const { return endpoint_; }

  int Release() { return std::exchange(fd_, -1); }

 private:
  ListeningSocket(int fd, std::string endpoint) : fd_(fd), endpoint_(std::move(endpoint)) {}

  int fd_;
  std::string endpoint_;
};

}  // namespace edl
