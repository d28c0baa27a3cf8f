// SPDX-License-Identifier: Apache-2.0
#include "bench/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace edl::bench {
namespace {

// Of a thread, by proc(5)'s "voluntary_ctxt_switches:" and "nonvoluntary_ctxt_switches:".
std::int64_t SwitchesOf(const std::filesystem::path& task) {
  std::ifstream status(task / "status");
  std::int64_t sum = 0;
  for (std::string line; std::getline(status, line);) {
    const std::size_t at = line.find("voluntary_ctxt_switches:");
    if (at != std::string::npos) sum += std::atoll(line.c_str() + line.find(':') + 1);
  }
  return sum;
}

std::int64_t SwitchesOfThreads(pid_t pid) {
  std::error_code gone;
  std::int64_t sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    sum += SwitchesOf(task.path());
  }
  return sum;
}

}  // namespace

ProcessUsage ProcessUsage::OfThisProcess() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + 1e-6 * time.tv_usec; };
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_minflt, usage.ru_nvcsw + usage.ru_nivcsw};
}

ProcessUsage ProcessUsage::Of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return {};
  // The program's name may hold anything, but it is the last thing in parentheses; field 3 comes after it.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 10; ++field) fields >> skipped;
  std::int64_t minor_faults = 0, user_ticks = 0, system_ticks = 0;
  fields >> minor_faults;  // field 10
  for (int field = 11; field < 14; ++field) fields >> skipped;
  fields >> user_ticks >> system_ticks;  // fields 14 and 15
  return {static_cast<double>(user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)), minor_faults,
          SwitchesOfThreads(pid)};
}

}  // namespace edl::bench
