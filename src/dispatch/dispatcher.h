// SPDX-License-Identifier: Apache-2.0
// Dispatcher: gets every teacher request answered by some teacher, whatever single teachers do.
// Place: takes requests from the splitter, sends each through the quickest lane, retries a failed one on another,
//        has a slow one race its hedge, and gives checked replies, in any order, to the request's sink.
// Rules: each submitted request is finished exactly once. No request waits beside a lane with room (PendingQueue), but
//        a retry beyond the budget (ReaderOptions::retry_budget), which waits until there is some again.
// Errors, to the sink: CANCELLED - its epoch was left; the sticky status of Fail; else the last attempt's error with
//         batch, rows, teacher, attempt n of m, and why it was the last.
// Thread-safety: any thread; AwaitBinding by one at a time. Sinks are called on gRPC's threads, on the caller's of
//                Submit, Cancel or Fail, or on the executor's.
// Lifetime: destroyed after Fail, the end of the executor's last task, and AwaitIdle, in that order.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "edl/options.h"
#include "edl/stats.h"
#include "src/base/call_count.h"
#include "src/base/mutex.h"
#include "src/dispatch/flight_pool.h"
#include "src/dispatch/hedger.h"
#include "src/dispatch/lane_judge.h"
#include "src/dispatch/lane_keeper.h"
#include "src/dispatch/pending_queue.h"
#include "src/dispatch/token_bucket.h"
#include "src/dispatch/wait_ledger.h"
#include "src/trace/trace_recorder.h"

namespace edl {

class Dispatcher final : private LaneKeeper::Listener, private Hedger::Sender {
 public:
  // At most `max_requests` are submitted and not finished at a time. `on_window` hears, on the executor's thread, how
  // many requests all ready lanes take together whenever that has grown. Lanes are at most `max_lanes` at a time.
  // `options`, `executor` and `trace`, which may be null, outlive it.
  Dispatcher(const ReaderOptions& options, Executor& executor, TeacherClientFactory connect, std::size_t max_requests,
             std::function<void(std::int64_t)> on_window, std::size_t max_lanes = LaneTable::kCapacity,
             TraceRecorder* trace = nullptr);

  void SetTeachers(const TeacherSet& set) { keeper_.SetTeachers(set); }

  // Waits until a first teacher is known; or gives the status of Fail.
  absl::StatusOr<std::shared_ptr<const ModelBinding>> AwaitBinding();

  void Submit(TeacherRequest& request);

  // Drops the requests of a cancellation that has just been set: those that wait at once, those in flight by cancelling
  // their calls, so that teachers do not compute for nobody.
  void Cancel(const Cancellation& cancellation);

  // From now on every request, waiting, in flight or submitted later, finishes with `status`. The first call counts.
  void Fail(const absl::Status& status);

  // After Fail and the executor's last task: waits until no call and no probe is in flight.
  void AwaitIdle() { calls_->AwaitNone(); }

  // The student, which waits for a batch from then on, or (nothing) no more.
  void NoteStudentWaits(std::optional<TimePoint> since);

  // Whom the student waits for; the reader notes in it what its source does.
  WaitLedger& wait_ledger() { return wait_ledger_; }
  const WaitLedger& wait_ledger() const { return wait_ledger_; }

  // When the ready lane that has been idle longest became so; nothing while all are busy.
  std::optional<TimePoint> idle_since() const;

  // Fills in dispatch, retried, hedged and lanes.
  void AddStats(ReaderStats& stats) const;

 private:
  void OnBound(std::shared_ptr<const ModelBinding> binding) override;
  void OnReady(Lane& lane) override;
  void OnLanesChanged() override { PumpAll(); }
  void OnHopeless(const absl::Status& why) override { Fail(why); }
  std::optional<TimePoint> StudentWaitsSince() const override;
  void SendHedge(Flight& flight) override;
  void OnPlaceFree(Lane& lane) override { Pump(lane); }
  std::int64_t finished() const override { return finished_.load(std::memory_order_relaxed); }

  void TellWindows();
  void PumpAll();
  void Pump(Lane& lane);
  void NoteStarving(Lane& lane, TimePoint now);
  void Send(Lane& lane, int place, TeacherRequest& request);
  void StartLeg(Flight& flight, int leg);
  void OnDone(Flight& flight, int leg, absl::StatusOr<InferReply> reply);
  void OnWon(Flight& flight, int leg, const TeacherRequest& request);
  void OnFailed(Flight& flight, int leg, TimePoint now, const absl::Status& error);
  void OnAttemptFailed(Lane& lane, TeacherRequest& request, const absl::Status& error);
  void Retry(TeacherRequest& request);
  void ReleaseRetries();
  void FinishPending();
  void Finish(TeacherRequest& request, absl::StatusOr<std::vector<WireTensor>> result);
  // Not OK when the request's result is wanted no more.
  absl::Status Wanted(const TeacherRequest& request) const;
  bool failed() const { return failed_.load(std::memory_order_seq_cst); }

  const ReaderOptions& options_;
  const std::vector<RequestedOutput> outputs_;  // of each request
  Executor& executor_;
  const std::function<void(std::int64_t)> on_window_;
  TraceRecorder* const trace_;  // or null
  const std::shared_ptr<CallCount> calls_ = std::make_shared<CallCount>();
  LaneTable lanes_;
  PendingQueue pending_;
  FlightPool flights_;
  TokenBucket retry_budget_;
  WaitLedger wait_ledger_;
  std::atomic<bool> release_due_{false};  // a task will call ReleaseRetries; set by who posts it, cleared by the task

  mutable Mutex mu_;
  CondVar changed_;
  std::shared_ptr<const ModelBinding> binding_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool binding_awaited_ ABSL_GUARDED_BY(mu_) = false;

  // Set, once, after failure_. Sequentially consistent: whoever adds a request (to the queue, to a call) looks at it
  // afterwards, and Fail sets it before it looks for requests, so that one of them finishes or cancels each.
  std::atomic<bool> failed_{false};
  // binding_.get(), for those who send: a request exists only after it is set.
  std::atomic<const ModelBinding*> bound_{nullptr};

  // Nanoseconds of the steady clock; 0: it does not wait. Written by the student's thread, read by the executor's;
  // relaxed, it is a time only.
  std::atomic<std::int64_t> student_waits_since_{0};

  // For Stats(), StudentWaitsSince() and the budgets.
  std::atomic<std::int64_t> submitted_{0};
  std::atomic<std::int64_t> finished_{0};
  std::atomic<std::int64_t> retried_{0};
  std::atomic<std::int64_t> hedges_won_{0};

  LaneKeeper keeper_;  // it uses what is above
  LaneJudge judge_;
  Hedger hedger_;
};

}  // namespace edl
