// SPDX-License-Identifier: Apache-2.0
// Mapping: which file a piece of this process' memory is mapped from; and what shared memory of ours there is.
// Source: proc(5), maps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace edl {

// A line of the list of this process' mappings.
struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string path;  // of a file; with " (deleted)" behind it when nothing is left under that name

  bool shared_memory() const { return path.rfind("/dev/shm/edl-", 0) == 0; }
};

inline std::vector<Mapping> Mappings() {
  std::vector<Mapping> mappings;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range, skipped;
    Mapping mapping;
    fields >> range >> skipped >> skipped >> skipped >> skipped;
    std::getline(fields >> std::ws, mapping.path);
    const std::size_t dash = range.find('-');
    mapping.begin = std::stoull(range.substr(0, dash), nullptr, 16);
    mapping.end = std::stoull(range.substr(dash + 1), nullptr, 16);
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

// The path of the mapping that holds it; "" for ordinary memory.
inline std::string MappedFrom(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (const Mapping& mapping : Mappings()) {
    if (at >= mapping.begin && at < mapping.end) return mapping.path;
  }
  return "";
}

inline bool InSharedMemory(const void* address) {
  return MappedFrom(address).rfind("/dev/shm/edl-", 0) == 0;
}

inline int SharedMemoryMappings() {
  int count = 0;
  for (const Mapping& mapping : Mappings()) count += mapping.shared_memory() ? 1 : 0;
  return count;
}

// Nothing is left of it under that key.
inline bool KeyIsGone(const std::string& key) {
  return !std::filesystem::exists("/dev/shm" + key);
}

}  // namespace edl
