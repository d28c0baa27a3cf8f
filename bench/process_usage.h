// SPDX-License-Identifier: Apache-2.0
// ProcessUsage: CPU time, page faults and context switches of a process so far; of this one, or of another on this
// machine.
// Units: seconds of CPU, to a hundredth for another process.
// Source: getrusage(2), proc(5).
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace edl::bench {

struct ProcessUsage {
  double cpu_s = 0;
  std::int64_t minor_faults = 0;
  std::int64_t switches = 0;  // of another process: of those of its threads that live

  static ProcessUsage OfThisProcess();
  static ProcessUsage Of(pid_t pid);  // zeros when there is no such process
};

inline ProcessUsage operator-(const ProcessUsage& a, const ProcessUsage& b) {
  return {a.cpu_s - b.cpu_s, a.minor_faults - b.minor_faults, a.switches - b.switches};
}

}  // namespace edl::bench
