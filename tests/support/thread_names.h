// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>

namespace edl::test {

// This process's threads whose name begins with one of these. The system lists a thread before it has named itself, and
// still for a moment after it was joined: a test waits for the number that it expects.
inline std::int64_t ThreadsNamed(std::initializer_list<std::string_view> prefixes) {
  std::int64_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    for (const std::string_view prefix : prefixes) count += name.rfind(prefix, 0) == 0;
  }
  return count;
}

}  // namespace edl::test
