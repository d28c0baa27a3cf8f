// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/dispatch/reply_check.h"

namespace edl {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Retries that need no success before them: all that one teacher can lose at a time, twice; and, so that a fleet that
// fails wholly is asked now and then, some each second.
constexpr double kRetryBurst = 2.0 * Lane::kMaxWindow;
constexpr double kRetriesPerSecond = 10;
constexpr std::chrono::milliseconds kRetryLook{100};

}  // namespace

Dispatcher::Dispatcher(const ReaderOptions& options, Executor& executor, TeacherClientFactory connect,
                       std::size_t max_requests, std::function<void(std::int64_t)> on_window)
    : options_(options),
      executor_(executor),
      on_window_(std::move(on_window)),
      pending_(max_requests, lanes_),
      retry_budget_({options.retry_budget, kRetriesPerSecond, kRetryBurst}),
      keeper_(options, executor, std::move(connect), lanes_, calls_, *this),
      judge_(lanes_, keeper_) {}

absl::StatusOr<std::shared_ptr<const ModelBinding>> Dispatcher::AwaitBinding() {
  MutexLock lock(mu_);
  binding_awaited_ = true;
  while (binding_ == nullptr && failure_.ok()) changed_.Wait(mu_);
  binding_awaited_ = false;
  if (!failure_.ok()) return failure_;
  return binding_;
}

void Dispatcher::OnBound(std::shared_ptr<const ModelBinding> binding) {
  MutexLock lock(mu_);
  bound_.store(binding.get(), std::memory_order_release);
  binding_ = std::move(binding);
  changed_.NotifyAll();
}

void Dispatcher::OnReady(Lane& lane) {
  std::int64_t windows = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) windows += lanes_[i].ready() ? lanes_[i].window() : 0;
  on_window_(windows);
  Pump(lane);
}

bool Dispatcher::AnyoneWaits() const {
  if (submitted_.load(kRelaxed) > finished_.load(kRelaxed)) return true;
  MutexLock lock(mu_);
  return binding_awaited_;
}

void Dispatcher::Submit(TeacherRequest& request) {
  submitted_.fetch_add(1, kRelaxed);
  pending_.Push(request);
  if (failed()) return FinishPending();
  if (Lane* lane = lanes_.LeastLoaded()) Pump(*lane);
  if (pending_.size() > 0) PumpAll();
}

void Dispatcher::PumpAll() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) Pump(lanes_[i]);
}

void Dispatcher::Pump(Lane& lane) {
  while (std::optional<int> place = lane.Reserve()) {
    if (TeacherRequest* request = pending_.Take(lane)) {
      lane.MarkBusy();
      Send(lane, *place, *request);
      continue;
    }
    lane.Release(*place);
    if (!pending_.HasWorkFor(lane)) {
      lane.MarkIdle(executor_.Now());
      return;
    }
  }
}

absl::Status Dispatcher::Wanted(const TeacherRequest& request) const {
  if (request.cancellation->cancelled()) return absl::CancelledError("the epoch was left");
  if (!failed()) return absl::OkStatus();
  MutexLock lock(mu_);
  return failure_;
}

void Dispatcher::Send(Lane& lane, int place, TeacherRequest& request) {
  if (absl::Status wanted = Wanted(request); !wanted.ok()) {
    lane.Release(place);
    return Finish(request, wanted);
  }
  const ModelInfo& model = bound_.load(std::memory_order_acquire)->model();
  // The request may be finished and gone when Start returns.
  std::shared_ptr<const Cancellation> cancellation = request.cancellation;
  ++request.attempts;
  lane.CountAttempt();
  TimePoint sent = executor_.Now();
  calls_->Enter();
  absl::Status started = Guarded([&] {
    return lane.call(place).Start(
        {model.name, model.version, "", request.inputs, options_.predictions}, options_.attempt_timeout,
        cancellation.get(), [this, &lane, place, &request, sent, calls = calls_](absl::StatusOr<InferReply> reply) {
          absl::Cleanup leave = [&calls] { calls->Leave(); };
          OnDone(lane, place, request, sent, std::move(reply));
        });
  });
  if (!started.ok()) {
    lane.Release(place);
    Finish(request, Annotate(started, request.sink->Describe(request)));
    calls_->Leave();
    return;
  }
  // Cancel and Fail look for calls to cancel after they have set what is read here.
  if (failed()) lane.call(place).CancelIf(nullptr);
  if (cancellation->cancelled()) lane.call(place).CancelIf(cancellation.get());
}

void Dispatcher::OnDone(Lane& lane, int place, TeacherRequest& request, TimePoint sent,
                        absl::StatusOr<InferReply> reply) {
  lane.Release(place);
  absl::StatusOr<std::vector<WireTensor>> predictions = reply.ok() ? Guarded([&] {
    return CheckReply(*bound_.load(std::memory_order_acquire), request.rows, options_.check_finite, *std::move(reply));
  })
                                                                   : reply.status();
  if (!predictions.ok()) return OnFailed(lane, request, predictions.status());
  lane.CountCompleted(request.rows, executor_.Now() - sent);
  judge_.Convict(request, lane);
  Pump(lane);  // the teacher's next request first: finishing this one may copy
  Finish(request, std::move(predictions));
}

void Dispatcher::OnFailed(Lane& lane, TeacherRequest& request, const absl::Status& error) {
  if (absl::Status wanted = Wanted(request); !wanted.ok()) {
    Finish(request, wanted);
    return Pump(lane);
  }
  Verdict verdict = judge_.Judge(lane, request, error, options_.max_attempts);
  if (!verdict.retry) {
    Finish(request,
           Annotate(error, absl::StrCat(request.sink->Describe(request), ", teacher ", lane.endpoint(), ", attempt ",
                                        request.attempts, " of ", options_.max_attempts, " (", verdict.reason, ")")));
    return Pump(lane);
  }
  Log().info("{}, teacher {}, attempt {} of {}: {}; it is tried again", request.sink->Describe(request),
             lane.endpoint(), request.attempts, options_.max_attempts, error.ToString());
  request.avoid = &lane;
  retried_.fetch_add(1, kRelaxed);
  Retry(request);
}

void Dispatcher::Retry(TeacherRequest& request) {
  pending_.Hold(request);
  if (failed()) return FinishPending();
  ReleaseRetries();
  PumpAll();
}

void Dispatcher::ReleaseRetries() {
  while (pending_.holds_any()) {
    if (!retry_budget_.TryTake(executor_.Now(), finished_.load(kRelaxed))) {
      if (release_due_.exchange(true, std::memory_order_seq_cst)) return;
      return executor_.PostAt(executor_.Now() + kRetryLook, [this] {
        release_due_.store(false, std::memory_order_seq_cst);
        ReleaseRetries();
        PumpAll();
      });
    }
    if (!pending_.Release()) retry_budget_.PutBack();
  }
}

void Dispatcher::Cancel(const Cancellation& cancellation) {
  for (TeacherRequest* request : pending_.TakeAll()) {
    if (request->cancellation.get() == &cancellation) {
      Finish(*request, absl::CancelledError("the epoch was left"));
    } else {
      pending_.PushRetry(*request);
    }
  }
  if (failed()) FinishPending();
  PumpAll();
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].CancelCalls(&cancellation);
}

void Dispatcher::Fail(const absl::Status& status) {
  {
    MutexLock lock(mu_);
    if (!failure_.ok()) return;
    failure_ = status;
    failed_.store(true, std::memory_order_seq_cst);
    changed_.NotifyAll();
  }
  keeper_.Shutdown();
  FinishPending();
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].CancelCalls(nullptr);
}

void Dispatcher::FinishPending() {
  absl::Status failure;
  {
    MutexLock lock(mu_);
    failure = failure_;
  }
  for (TeacherRequest* request : pending_.TakeAll()) Finish(*request, failure);
}

void Dispatcher::Finish(TeacherRequest& request, absl::StatusOr<std::vector<WireTensor>> result) {
  finished_.fetch_add(1, kRelaxed);
  request.sink->OnReply(request, std::move(result));
}

std::optional<TimePoint> Dispatcher::idle_since() const {
  std::optional<TimePoint> longest;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    std::optional<TimePoint> since = lanes_[i].idle_since();
    if (since && (!longest || *since < *longest)) longest = since;
  }
  return longest;
}

void Dispatcher::AddStats(ReaderStats& stats) const {
  stats.dispatch.out = finished_.load(kRelaxed);
  stats.dispatch.in = std::max(submitted_.load(kRelaxed), stats.dispatch.out);
  stats.dispatch.depth = stats.dispatch.in - stats.dispatch.out;
  stats.retried = retried_.load(kRelaxed);
  for (std::size_t i = 0; i < lanes_.size(); ++i) stats.lanes.push_back(lanes_[i].Stats());
}

}  // namespace edl
