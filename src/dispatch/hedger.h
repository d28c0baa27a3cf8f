// SPDX-License-Identifier: Apache-2.0
// Hedger: slow is a fault too. Finds requests that outlive what their peers take and has each sent a second time, to
// another lane that has nothing to do; the first answer wins.
// Place: looks through the flights now and then, on the executor, while there are any; the dispatcher sends.
// Rules: only an idle lane is used, and only one that lately took less than the request has waited; a request is hedged
//        once; hedges keep within a share of the requests (ReaderOptions::hedge_budget).
// Thread-safety: NoteFlight, Record: any thread. All else happens on the executor's one thread.
// Source: Dean and Barroso, "The Tail at Scale", Communications of the ACM 56(2), 2013: hedged requests, deferred until
//         most of their class are answered, and cancelled when one is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "src/base/executor.h"
#include "src/dispatch/flight_pool.h"
#include "src/dispatch/lane_table.h"
#include "src/dispatch/latency_profile.h"
#include "src/dispatch/token_bucket.h"

namespace edl {

class Hedger {
 public:
  class Sender {
   public:
    // Sends the flight's second leg, which has just been added.
    virtual void SendHedge(Flight& flight) = 0;
    // A place that was reserved on `lane` for a moment is free again.
    virtual void OnPlaceFree(Lane& lane) = 0;
    // Requests that were ever submitted to dispatch and are finished.
    virtual std::int64_t finished() const = 0;

   protected:
    ~Sender() = default;
  };

  // `budget`: hedges, as a share of the requests; 0: none. All that is referred to outlives the executor's last task.
  Hedger(double budget, Executor& executor, const LaneTable& lanes, FlightPool& flights, Sender& sender);

  // A flight has begun. Cheap while a look is due anyway.
  void NoteFlight() {
    if (enabled_ && !look_due_.load(std::memory_order_seq_cst)) StartLooking();
  }
  void Record(std::int64_t rows, std::chrono::nanoseconds latency) { latencies_.Record(rows, latency); }
  std::int64_t hedged() const { return hedged_.load(std::memory_order_relaxed); }

 private:
  struct Slow {
    Flight* flight;  // held
    TimePoint sent;
  };
  static constexpr std::chrono::milliseconds kLongestLook{50};

  void StartLooking();
  void ScheduleLook(std::chrono::nanoseconds wait);
  void Look();
  std::vector<Slow> FindSlow(bool& any, std::chrono::nanoseconds& wait);
  bool Hedge(const Slow& slow);
  Lane* FindIdle(const Slow& slow) const;

  const bool enabled_;
  Executor& executor_;
  const LaneTable& lanes_;
  FlightPool& flights_;
  Sender& sender_;
  TokenBucket budget_;
  LatencyProfile latencies_;

  // A task will call Look. Set by who begins a flight and posts the task; cleared by the task when it has found no
  // flight, after which it looks once more. Sequentially consistent, as is a flight's beginning: one sees the other.
  std::atomic<bool> look_due_{false};
  // Until the first look at new flights. Written by Look, read by who begins a flight; relaxed, it is a time only.
  std::atomic<std::int64_t> usual_wait_ns_{std::chrono::nanoseconds(kLongestLook).count()};
  std::atomic<std::int64_t> hedged_{0};  // for Stats() alone
};

}  // namespace edl
