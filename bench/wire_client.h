// SPDX-License-Identifier: Apache-2.0
// WireClient: one of the ways in which bench_wire moves batches to teachers, in a process of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/payload.h"

namespace edl::bench {

// How many batches went there and back, and what that cost.
struct WireRun {
  double batches_per_s = 0;
  double client_cpu_s_per_gb = 0;
  double server_cpu_s_per_gb = 0;
  double client_faults = 0;  // minor page faults a batch
  double server_faults = 0;
  double client_switches = 0;  // context switches a batch
  double server_switches = 0;
};

class WireClient {
 public:
  virtual ~WireClient() = default;
  // Waits until one more batch is back.
  virtual void Step() = 0;
};

// "raw", "naive", "reader", "traced-reader", "sharing-reader" or "arena-reader", to all of `endpoints` at a time.
std::unique_ptr<WireClient> MakeWireClient(const std::string& kind, const Payload& payload,
                                           const std::vector<std::string>& endpoints);

// Steps for so long, after a start that does not count. `servers`: their processes.
WireRun RunWire(WireClient& client, const Payload& payload, const std::vector<int>& servers, double seconds);

}  // namespace edl::bench
