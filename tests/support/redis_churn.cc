// SPDX-License-Identifier: Apache-2.0
#include "tests/support/redis_churn.h"

namespace edl::test {

using std::chrono::milliseconds;

RedisChurn::RedisChurn(std::uint64_t seed, milliseconds calm) : calm_(calm), random_(seed) {
  fate_ = Thread("test-redis-fate", [this] { Run(); });
}

FaultCounts RedisChurn::faults() const {
  MutexLock lock(mu_);
  return faults_;
}

void RedisChurn::Count(int FaultCounts::*kind) {
  MutexLock lock(mu_);
  ++(faults_.*kind);
}

RedisProcess& RedisChurn::Calm() {
  stopping_ = true;
  stop_.Set();
  fate_.Join();
  return redis_;
}

void RedisChurn::Pass(milliseconds at_most) {
  stop_.WaitFor(at_most * (random_() % 1000) / 1000);
}

void RedisChurn::Run() {
  while (true) {
    Pass(2 * calm_);
    if (stopping_) return;
    Strike();
  }
}

void RedisChurn::Strike() {
  constexpr milliseconds kAway{2000};
  switch (random_() % 4) {
    case 0:
      redis_.Pause();
      Count(&FaultCounts::redis_hangs);
      Pass(kAway);
      return redis_.Resume();
    case 1:
      redis_.Kill();
      Count(&FaultCounts::redis_losses);
      Pass(kAway);
      return redis_.RestartEmpty();
    case 2:
      redis_.Call({"SAVE"});  // so that the other time the data are as old as this
      [[fallthrough]];
    default:
      redis_.Kill();
      Count(&FaultCounts::redis_restarts);
      Pass(kAway);
      return redis_.Restart();
  }
}

}  // namespace edl::test
