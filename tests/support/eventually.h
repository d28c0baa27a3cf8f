// SPDX-License-Identifier: Apache-2.0
// Eventually: waits for what comes by itself, and fails the test when it does not.
#pragma once

#include <chrono>
#include <thread>

#include "gtest/gtest.h"

namespace edl::test {

// Looks again and again until it is so; a failure when it is not so in time.
template <typename Condition>
void Eventually(Condition condition, std::chrono::seconds patience = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it never came";
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace edl::test
