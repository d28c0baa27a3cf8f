// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/hedger.h"

#include <algorithm>

#include "src/base/log.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// The hedges that a calm time saves up for a bad moment.
constexpr double kBurst = 8;
// Below this a hedge costs more than it saves.
constexpr nanoseconds kLeastWait = milliseconds(1);

}  // namespace

Hedger::Hedger(double budget, Executor& executor, const LaneTable& lanes, FlightPool& flights, Sender& sender)
    : enabled_(budget > 0),
      executor_(executor),
      lanes_(lanes),
      flights_(flights),
      sender_(sender),
      budget_({budget, 0, kBurst}) {}

void Hedger::ScheduleLook(nanoseconds wait) {
  if (look_due_.exchange(true, std::memory_order_seq_cst)) return;
  executor_.PostAt(executor_.Now() + wait, [this] { Look(); });
}

void Hedger::Look() {
  latencies_.Refresh();
  // No later than the next flight could be due.
  nanoseconds wait =
      std::clamp<nanoseconds>(latencies_.ShortestTooLong().value_or(kLongestLook), kLeastWait, kLongestLook);
  usual_wait_ns_.store(wait.count(), std::memory_order_relaxed);
  bool any = false;
  std::vector<Slow> slow = FindSlow(any, wait);
  // The one that waits longest holds up the order most.
  std::sort(slow.begin(), slow.end(), [](const Slow& a, const Slow& b) { return a.sent < b.sent; });
  bool goes_on = true;
  for (const Slow& one : slow) {
    goes_on = goes_on && Hedge(one);
    flights_.LetGo(*one.flight);
  }
  look_due_.store(false, std::memory_order_seq_cst);
  if (!any) flights_.ForEach([&](Flight&) { any = true; });
  if (any) ScheduleLook(wait);
}

void Hedger::StartLooking() {
  ScheduleLook(nanoseconds(usual_wait_ns_.load(std::memory_order_relaxed)));
}

std::vector<Hedger::Slow> Hedger::FindSlow(bool& any, nanoseconds& wait) {
  std::vector<Slow> slow;
  const TimePoint now = executor_.Now();
  flights_.ForEach([&](Flight& flight) {
    any = true;
    if (flight.raced() || flight.landed()) return;
    std::optional<nanoseconds> too_long = latencies_.TooLong(flight.rows());
    if (!too_long) return;
    nanoseconds limit = std::max(*too_long, kLeastWait);
    nanoseconds left = flight.leg(0).sent + limit - now;
    if (left > nanoseconds(0)) {
      wait = std::min(wait, std::max(left, kLeastWait));
      return;
    }
    wait = std::min(wait, std::max(limit / 4, kLeastWait));  // in case there is no lane for it now
    flight.Hold();
    slow.push_back({&flight, flight.leg(0).sent});
  });
  return slow;
}

// False: nothing more can be hedged now.
bool Hedger::Hedge(const Slow& slow) {
  Flight& flight = *slow.flight;
  Lane* lane = FindIdle(slow);
  if (lane == nullptr) return true;  // another's own lane may be the idle one
  const TimePoint now = executor_.Now();
  if (!budget_.TryTake(now, sender_.finished())) return false;
  std::optional<int> place = lane->Reserve();
  if (!place || flight.landed() || !flight.AddAttempt(*lane, *place, now)) {
    budget_.PutBack();
    if (place) lane->Release(*place);
    if (place) sender_.OnPlaceFree(*lane);
    return true;
  }
  hedged_.fetch_add(1, std::memory_order_relaxed);
  Log().debug("teacher {} has not answered for {} ms: teacher {} is asked, too", flight.leg(0).lane->endpoint(),
              (now - slow.sent) / milliseconds(1), lane->endpoint());
  sender_.SendHedge(flight);
  return true;
}

Lane* Hedger::FindIdle(const Slow& slow) const {
  const nanoseconds age = executor_.Now() - slow.sent;
  Lane* best = nullptr;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    if (!lane.ready() || lane.in_flight() > 0 || &lane == slow.flight->leg(0).lane) continue;
    // One that takes longer than this has waited would hardly be sooner. Its last latencies may be long past, so the
    // bar rises while the request waits.
    if (lane.recent_latency() > age) continue;
    if (best == nullptr || lane.recent_latency() < best->recent_latency()) best = &lane;
  }
  return best;
}

}  // namespace edl
