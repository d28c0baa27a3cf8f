// SPDX-License-Identifier: Apache-2.0
#include "tests/support/footprint.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace edl::test {

Footprint Footprint::Now() {
  Footprint now;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) now.resident_mb = std::atof(line.c_str() + 6) / 1024;
    if (line.rfind("Threads:", 0) == 0) now.threads = std::atof(line.c_str() + 8);
  }
  const std::filesystem::directory_iterator files("/proc/self/fd");
  now.files = static_cast<double>(std::distance(begin(files), end(files)));
  return now;
}

}  // namespace edl::test
