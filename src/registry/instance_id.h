// SPDX-License-Identifier: Apache-2.0
// Instance id: 128 random bits as hexadecimal text, which nobody else has.
#pragma once

#include <random>
#include <string>

namespace edl {

inline std::string NewInstanceId() {
  std::random_device random;
  std::string id;
  while (id.size() < 32) id += "0123456789abcdef"[random() % 16];
  return id;
}

}  // namespace edl
