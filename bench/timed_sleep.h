// SPDX-License-Identifier: Apache-2.0
// Sleeps that end on time, for benches whose students and teachers only pretend to compute.
// Units: the steady clock's, to some tens of microseconds: what it takes to wake a thread.
// Source: clock_nanosleep(2); prctl(2), PR_SET_TIMERSLACK.
#pragma once

#include <chrono>

namespace edl::bench {

using Clock = std::chrono::steady_clock;

// This thread, and those that it or they start from now on, are woken when their time has come, not up to 50 us later
// together with others. Call it first of all.
void WakeOnTime();

void SleepUntil(Clock::time_point time);

inline double Seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}
inline Clock::duration FromSeconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace edl::bench
