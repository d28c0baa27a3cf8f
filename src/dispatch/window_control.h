// SPDX-License-Identifier: Apache-2.0
// WindowControl: how many requests a lane has in flight: the fewest that keep its teacher busy.
// How: by Little's law a teacher that completes `rate` requests a second, each of which takes `base` when it need not
//      wait behind others, is busy with rate * base of them. Both are measured in rounds of some completions: rate in
//      those in which the window was full all the time, base as the least mean of a round. The window is a quarter
//      more, so it grows while that brings more, and stops when a longer queue is all that it would bring. A full
//      window hides the base, so now and then one round is made with half of it.
// Bounds: 2 (one computes while the next travels) to `most`; where `most` is 1, 1.
// Thread-safety: any thread. Whoever ends a round adjusts; nobody waits for it.
// Source: Little, 1961; BBR (Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 14(5), 2016) has
//         the gain above one and the pauses to measure the base; here they count requests instead of packets.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "src/base/executor.h"

namespace edl {

class WindowControl {
 public:
  explicit WindowControl(int most);

  // Forgets what it has learnt. Nobody completes anything meanwhile.
  void Reset();

  int window() const { return window_.load(std::memory_order_seq_cst); }

  // A request was completed at `now`. `completed` and `latency` are the lane's totals with it. True: the window grew.
  bool OnCompleted(TimePoint now, std::int64_t completed, std::chrono::nanoseconds latency);

  // There was room and nothing to send: what this round measures is not the teacher.
  void OnStarved() { starved_.store(true, std::memory_order_relaxed); }

 private:
  enum class Phase {
    kMeasure,  // the window as it is
    kSettle,   // it has just been halved: what was queued before is still coming back
    kBase,     // with half a window
  };

  bool EndRound(TimePoint now, std::int64_t completed, std::chrono::nanoseconds latency);
  void BeginRound(TimePoint now, std::int64_t completed, std::chrono::nanoseconds latency, std::int64_t length);
  int Next(int window) const;

  const int most_;
  const int least_;

  // Written by whoever adjusts, read by whoever sends; sequentially consistent, see PendingQueue's invariant.
  std::atomic<int> window_;
  // The lane's total at which the round ends. Written by whoever adjusts, read by whoever completes; relaxed, since a
  // round may be some longer.
  std::atomic<std::int64_t> round_end_;
  std::atomic<bool> starved_{false};    // in this round; written by whoever sends, for whoever adjusts
  std::atomic<bool> adjusting_{false};  // guards what follows: taken (acquire) by one, others go on without

  Phase phase_ = Phase::kMeasure;
  TimePoint round_began_;
  std::int64_t began_completed_ = 0;
  std::chrono::nanoseconds began_latency_{0};
  double rate_ = 0;  // requests a nanosecond
  double base_ = 0;  // nanoseconds; 0: not known
  TimePoint base_since_;
  int rounds_since_base_ = 0;
  int full_window_ = 0;  // before it was halved
};

}  // namespace edl
