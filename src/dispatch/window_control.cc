// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/window_control.h"

#include <algorithm>
#include <cmath>

namespace edl {
namespace {

using std::chrono::nanoseconds;

constexpr auto kRelaxed = std::memory_order_relaxed;

constexpr double kGain = 1.25;
constexpr std::int64_t kShortestRound = 8;
// A base this old, by both measures, is taken again.
constexpr std::chrono::seconds kBaseLife(10);
constexpr int kBaseRounds = 32;

std::int64_t RoundOf(int window) {
  return std::max(kShortestRound, std::int64_t{2} * window);
}

}  // namespace

WindowControl::WindowControl(int most)
    : most_(most), least_(std::min(2, most)), window_(least_), round_end_(RoundOf(least_)) {}

void WindowControl::Reset() {
  window_.store(least_, std::memory_order_seq_cst);
  round_end_.store(RoundOf(least_), kRelaxed);
  starved_.store(false, kRelaxed);
  phase_ = Phase::kMeasure;
  BeginRound(TimePoint(), 0, nanoseconds(0), RoundOf(least_));
  rate_ = 0;
  base_ = 0;
  base_since_ = TimePoint();
  rounds_since_base_ = 0;
  full_window_ = 0;
}

bool WindowControl::OnCompleted(TimePoint now, std::int64_t completed, nanoseconds latency) {
  if (most_ == least_ || completed < round_end_.load(kRelaxed)) return false;
  if (adjusting_.exchange(true, std::memory_order_acquire)) return false;
  const bool grew = EndRound(now, completed, latency);
  adjusting_.store(false, std::memory_order_release);
  return grew;
}

bool WindowControl::EndRound(TimePoint now, std::int64_t completed, nanoseconds latency) {
  const auto count = static_cast<double>(completed - began_completed_);
  const double elapsed = static_cast<double>(nanoseconds(now - round_began_).count());
  const double mean = static_cast<double>((latency - began_latency_).count()) / std::max(count, 1.0);
  const bool first = round_began_ == TimePoint();
  const bool full = !starved_.exchange(false, kRelaxed) && !first && elapsed > 0;
  const int before = window();
  int after = before;
  std::int64_t length = 0;
  if (phase_ == Phase::kSettle) {
    phase_ = Phase::kBase;
    length = kShortestRound;
  } else if (phase_ == Phase::kBase || base_ == 0 || mean < base_) {
    if (phase_ == Phase::kBase) after = full_window_;
    phase_ = Phase::kMeasure;
    base_ = mean;
    base_since_ = now;
    rounds_since_base_ = 0;
  }
  if (phase_ == Phase::kMeasure && full && after == before) {
    rate_ = count / elapsed;
    if (++rounds_since_base_ > kBaseRounds && now - base_since_ > kBaseLife) {
      phase_ = Phase::kSettle;
      full_window_ = before;
      length = before;
      after = std::max(1, before / 2);
    }
  }
  if (phase_ == Phase::kMeasure && rate_ > 0 && full) after = Next(after);
  window_.store(after, std::memory_order_seq_cst);
  BeginRound(now, completed, latency, length > 0 ? length : RoundOf(after));
  return after > before;
}

void WindowControl::BeginRound(TimePoint now, std::int64_t completed, nanoseconds latency, std::int64_t length) {
  round_began_ = now;
  began_completed_ = completed;
  began_latency_ = latency;
  round_end_.store(completed + length, kRelaxed);
}

// One round is little to go by, so a step is small.
int WindowControl::Next(int window) const {
  const int wanted = static_cast<int>(std::ceil(kGain * rate_ * base_ - 0.01));
  return std::clamp(wanted, std::max(least_, window - 1), std::min(most_, window + std::max(1, window / 4)));
}

}  // namespace edl
