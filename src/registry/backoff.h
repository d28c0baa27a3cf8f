// SPDX-License-Identifier: Apache-2.0
// Backoff: how long to wait before the next attempt to reach Redis. It doubles, and is scattered, so that a fleet that
// lost Redis together does not come back together.
// Thread-safety: one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace edl {

class Backoff {
 public:
  // The longest bounds how long a teacher stays unlisted after Redis has come back.
  static constexpr std::chrono::milliseconds kFirst{50};
  static constexpr std::chrono::milliseconds kLongest{1000};

  std::chrono::milliseconds Next() {
    wait_ = std::min(std::max(2 * wait_, kFirst), kLongest);
    return wait_ * std::uniform_int_distribution<>(50, 100)(jitter_) / 100;
  }
  void Reset() { wait_ = std::chrono::milliseconds(0); }

 private:
  std::chrono::milliseconds wait_{0};
  std::minstd_rand jitter_{std::random_device()()};
};

}  // namespace edl
