// SPDX-License-Identifier: Apache-2.0
// Termination: SIGTERM and SIGINT as something that a program waits for.
// Place: the first thing in the main of a program that has to leave in order.
// Thread-safety: one thread, that which made it; made before any other thread starts, since they inherit the mask.
#pragma once

#include <pthread.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>

namespace edl {

class Termination {
 public:
  Termination() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  Termination(const Termination&) = delete;
  Termination& operator=(const Termination&) = delete;

  // Returns at the first signal. From then on the next one ends the process: whoever is in a hurry sends two.
  void Await() {
    while (!AwaitFor(std::chrono::hours(1))) {
    }
  }

  // False when none came within `time`.
  bool AwaitFor(std::chrono::milliseconds time) {
    const timespec wait{time.count() / 1000, time.count() % 1000 * 1'000'000};
    if (sigtimedwait(&signals_, nullptr, &wait) < 0) return false;
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
    return true;
  }

 private:
  sigset_t signals_;
};

}  // namespace edl
