// SPDX-License-Identifier: Apache-2.0
// Lane: one teacher as dispatch sees it: its endpoint, its connection, its in-flight window and its health.
// Place: the lane keeper moves it between states; the dispatcher sends through its window.
// Thread-safety: any thread.
// States: kConnecting -> kReady <-> kResting (overloaded), kEjected (it failed), kRefused (it serves what does not
//         fit); any -> kClosed (no teacher of ours any more) -> kConnecting (it is again). Only the keeper's thread
//         leaves a state, but kReady, which any thread may leave for kResting or kEjected.
// Lives: a lane is never freed while the reader lives, but the keeper uses one that has been closed again, for another
//        endpoint. Between two lives it is vacant: it has no connection and no calls. Invariants, all atomics
//        sequentially consistent:
//  1. Who holds a place has the lane in one life until the release. Reserve sets the place's bit, then reads the state;
//     the keeper closes the lane, then reads the bits. One of the two sees the other (Dekker).
//  2. So has who holds it by Enter (while holding a place) or Pin, until Leave: a callback that has given back its
//     place, or one that looks at another's lane. Pin counts itself, then reads the life; Vacate ends the life, then
//     reads the count.
//  3. No two lives of a lane have one number. For who holds the lane, it stays the same while Vacate tries in vain.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edl/stats.h"
#include "src/base/executor.h"
#include "src/base/mutex.h"
#include "src/dispatch/busy_clock.h"
#include "src/dispatch/teacher_request.h"
#include "src/dispatch/window_control.h"
#include "src/rpc/teacher_client.h"

namespace edl {

class Lane {
 public:
  enum class State { kConnecting, kReady, kResting, kEjected, kRefused, kClosed };
  static constexpr int kMaxWindow = 64;

  // At most `most` requests in flight, 1 to kMaxWindow.
  Lane(std::string endpoint, std::unique_ptr<TeacherClient> client, int most);

  std::string endpoint() const;
  LaneId id() const { return {this, life()}; }
  std::int64_t life() const { return life_.load(std::memory_order_seq_cst) / 2; }
  bool vacant() const { return life_.load(std::memory_order_seq_cst) % 2 != 0; }

  // Each keeps the lane in its life until Leave. Enter: while the caller holds a place. Pin: false, and nothing is
  // kept, when the lane is not in that life any more, or (without one) is vacant.
  void Enter() { inside_.fetch_add(1, std::memory_order_seq_cst); }
  bool Pin(std::int64_t life);
  bool Pin();
  void Leave() { inside_.fetch_sub(1, std::memory_order_seq_cst); }

  // The keeper's thread, of a closed lane with no probe in flight: ends its life, with its connection. False: somebody
  // holds it.
  bool Vacate();
  // The keeper's thread, of a vacant lane, which begins anew.
  void Renew(std::string endpoint, std::unique_ptr<TeacherClient> client);

  // Requests in flight, at present: it finds its own size.
  int window() const { return window_.window(); }

  State state() const { return state_.load(std::memory_order_seq_cst); }
  bool ready() const { return state() == State::kReady; }
  bool usable() const { return ready() || state() == State::kResting; }
  void set_state(State state) { state_.store(state, std::memory_order_seq_cst); }
  // True when it was ready, and this call ended that. One that is ejected is on trial afterwards.
  bool LeaveReady(State to);
  // The keeper's thread, before the lane is ready again: what is in flight now is no part of its trial.
  void ExemptFromTrial() { exempt_.store(busy_.load(std::memory_order_seq_cst), std::memory_order_seq_cst); }

  // A place in the window: its number, or nothing while the lane is not ready or its window is full; on trial, that is
  // a window of one, until the lane completes a request. One Release a place.
  std::optional<int> Reserve();
  void Release(int place);
  int in_flight() const { return __builtin_popcountll(busy_.load(std::memory_order_seq_cst)); }
  bool HasRoom() const { return ready() && HasRoom(busy_.load(std::memory_order_seq_cst)); }

  // The call of a place, for who has reserved it or keeps the lane in its life.
  TeacherCall& call(int place) { return *calls_[place]; }
  ModelProbe& probe() { return *probe_; }
  // The keeper's thread, while no probe is in flight.
  void Reconnect() { client_->Reconnect(); }
  // Cancels the calls in flight that have that tag; the probe.
  void CancelCalls(CallTag tag);
  void CancelProbe();

  // Since when nothing has been in flight; nothing while it is busy or not ready.
  std::optional<TimePoint> idle_since() const;
  // After looking for something to send, and before sending it.
  void MarkIdle(TimePoint now) {
    if (in_flight() == 0) busy_clock_.MarkIdle(now);
  }
  void MarkBusy(TimePoint now) { busy_clock_.MarkBusy(now); }
  // Had it room, with nothing to send? True: that is new.
  bool SetStarving(bool starves);

  void CountAttempt() { attempts_.fetch_add(1, std::memory_order_relaxed); }
  // True: the window grew.
  bool CountCompleted(std::int64_t rows, std::chrono::nanoseconds latency, TimePoint now);
  // Where that latency went, if the reply told.
  void CountTimes(const std::optional<ReplyTimes>& times, std::chrono::nanoseconds latency);
  void CountFailed(const absl::Status& status);
  // Of the last completed requests, the later the more; 0: none yet.
  std::chrono::nanoseconds recent_latency() const {
    return std::chrono::nanoseconds(recent_latency_ns_.load(std::memory_order_relaxed));
  }
  // A request of it, sent then, was answered sooner by a teacher that was asked later; gives how many times in a row
  // that has happened. All that was sent before the last time lay behind the same long computation, and is one with it.
  int CountLostRace(TimePoint sent, TimePoint now);

  // One more answer that made no sense; gives how many have come in a row.
  int CountBadReply();
  // Its last answers were bad ones to requests that others answered well. Does nothing if a good one has come since.
  void Convict();
  Standing standing() const;
  int bad_in_a_row() const { return bad_in_a_row_.load(std::memory_order_relaxed); }
  std::int64_t completed() const { return completed_.load(std::memory_order_relaxed); }
  void CountEjection() { ejections_.fetch_add(1, std::memory_order_relaxed); }
  void set_last_error(const absl::Status& status);
  LaneStats Stats(TimePoint now) const;

 private:
  bool HasRoom(std::uint64_t busy) const;
  void NoteLatency(std::chrono::nanoseconds latency);
  void Connect(std::unique_ptr<TeacherClient> client);

  const int most_;

  // Constant in a life; null between two.
  std::unique_ptr<TeacherClient> client_;
  std::vector<std::unique_ptr<TeacherCall>> calls_;  // one a place
  std::unique_ptr<ModelProbe> probe_;

  std::atomic<std::int64_t> life_{0};  // twice its number, and one more when it is over; written by the keeper
  std::atomic<int> inside_{0};         // Enter and Pin, less Leave

  WindowControl window_;
  std::atomic<State> state_{State::kConnecting};
  // Bit p is set while place p is reserved. Sequentially consistent: see PendingQueue's invariant.
  std::atomic<std::uint64_t> busy_{0};
  // Set by who ejects the lane, cleared by who completes a request. Sequentially consistent, as the window, which it
  // makes smaller.
  std::atomic<bool> on_trial_{false};
  // On trial: the places of `busy_` that do not count, being older. Written by the keeper and by who releases them.
  std::atomic<std::uint64_t> exempt_{0};

  // What its answers tell of it. Written by whichever thread brings an answer, read by the same; relaxed, since a
  // judgement one answer old does no harm.
  std::atomic<int> bad_in_a_row_{0};
  std::atomic<bool> convicted_{false};
  std::atomic<int> lost_in_a_row_{0};
  std::atomic<std::int64_t> last_lost_{0};  // nanoseconds of the steady clock
  std::atomic<std::int64_t> recent_latency_ns_{0};

  BusyClock busy_clock_;
  // Written by whoever looks for something to send; sequentially consistent, see Dispatcher::NoteStarving.
  std::atomic<bool> starving_{false};

  // For Stats() alone but completed_, hence relaxed; written by whichever thread sends or completes.
  std::atomic<std::int64_t> attempts_{0};
  std::atomic<std::int64_t> completed_{0};
  std::atomic<std::int64_t> failed_{0};
  std::atomic<std::int64_t> rows_{0};
  std::atomic<std::int64_t> bad_replies_{0};
  std::atomic<std::int64_t> ejections_{0};
  std::atomic<std::int64_t> latency_ns_{0};
  // Of replies that told their times.
  std::atomic<std::int64_t> timed_{0};
  std::atomic<std::int64_t> teacher_queue_ns_{0};
  std::atomic<std::int64_t> teacher_compute_ns_{0};
  std::atomic<std::int64_t> network_ns_{0};

  mutable Mutex mu_;
  std::string endpoint_ ABSL_GUARDED_BY(mu_);
  std::string last_error_ ABSL_GUARDED_BY(mu_);
};

}  // namespace edl
