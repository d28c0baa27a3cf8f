// SPDX-License-Identifier: Apache-2.0
// Interrupt: ends the waits of a thread for its sockets, once and for good.
// Place: owned by whoever owns the thread; the thread waits for it beside its sockets.
// Thread-safety: any thread.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace edl {

class Interrupt {
 public:
  Interrupt() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Interrupt() {
    if (fd_ >= 0) close(fd_);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // False: the process has no file descriptor left, and nothing would ever be interrupted.
  bool ok() const { return fd_ >= 0; }

  void Set() {
    const std::uint64_t one = 1;
    while (write(fd_, &one, sizeof one) < 0 && errno == EINTR) {
    }
  }

  bool set() const {
    pollfd readable{fd_, POLLIN, 0};
    return poll(&readable, 1, 0) > 0;
  }

  // Readable once it is set, and ever after.
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace edl
