// SPDX-License-Identifier: Apache-2.0
// Seed: the number that a random test starts from, printed so that a failure can be run again with EDL_TEST_SEED.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace edl::test {

inline std::uint64_t Seed() {
  const char* given = std::getenv("EDL_TEST_SEED");
  std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device()();
  std::cout << "EDL_TEST_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace edl::test
