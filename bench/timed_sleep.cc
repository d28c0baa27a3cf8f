// SPDX-License-Identifier: Apache-2.0
#include "bench/timed_sleep.h"

#include <sys/prctl.h>

#include <cerrno>
#include <ctime>

namespace edl::bench {

void WakeOnTime() {
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

void SleepUntil(Clock::time_point time) {
  // libstdc++'s steady clock is CLOCK_MONOTONIC.
  const auto since_boot = time.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
  const timespec deadline{static_cast<time_t>(seconds.count()),
                          static_cast<long>(std::chrono::nanoseconds(since_boot - seconds).count())};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
  }
}

}  // namespace edl::bench
