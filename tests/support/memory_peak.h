// SPDX-License-Identifier: Apache-2.0
// MemoryPeak: how far this process' resident memory rose since it was made, at its highest.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace edl::test {

class MemoryPeak {
 public:
  MemoryPeak() {
    std::ofstream("/proc/self/clear_refs") << "5";  // the kernel's peak begins anew
    start_ = Read("VmRSS:");
  }

  std::int64_t Megabytes() const { return (Read("VmHWM:") - start_) / 1024 - kQuarantine; }

 private:
#ifdef __SANITIZE_ADDRESS__
  static constexpr std::int64_t kQuarantine = 256;  // of what was freed, AddressSanitizer keeps as much
#else
  static constexpr std::int64_t kQuarantine = 0;
#endif

  static std::int64_t Read(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      std::int64_t kilobytes;
      if (word == field && status >> kilobytes) return kilobytes;
    }
    return 0;
  }

  std::int64_t start_ = 0;
};

}  // namespace edl::test
