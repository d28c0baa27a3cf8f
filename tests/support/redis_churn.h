// SPDX-License-Identifier: Apache-2.0
// RedisChurn: a redis-server that crashes, forgets, comes back with what was true some time ago, and hangs, at random.
// Thread-safety: one thread at a time; the faults are done by a thread of its own, `test-redis-fate`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>

#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "tests/support/event.h"
#include "tests/support/fault_counts.h"
#include "tests/support/redis_process.h"

namespace edl::test {

class RedisChurn {
 public:
  // `calm`: from the end of one fault to the next, on the average. A fault lasts two seconds at most, and a restart.
  RedisChurn(std::uint64_t seed, std::chrono::milliseconds calm);
  ~RedisChurn() { Calm(); }

  const std::string& url() const { return url_; }
  FaultCounts faults() const;

  // No more faults: what it returns serves.
  RedisProcess& Calm();

 private:
  void Run();
  void Strike();
  void Pass(std::chrono::milliseconds at_most);
  void Count(int FaultCounts::*kind);

  const std::chrono::milliseconds calm_;

  // The thread of fate only, until it is joined.
  std::mt19937_64 random_;
  RedisProcess redis_;

  const std::string url_ = redis_.url();
  Event stop_;
  std::atomic<bool> stopping_{false};  // written by the test's thread, read by fate's; stop_ wakes that
  mutable Mutex mu_;
  FaultCounts faults_ ABSL_GUARDED_BY(mu_);
  Thread fate_;  // last: starts when the rest stands
};

}  // namespace edl::test
