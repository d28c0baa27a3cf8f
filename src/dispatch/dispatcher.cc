// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/dispatch/attempt_trace.h"
#include "src/dispatch/reply_check.h"

namespace edl {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Retries that need no success before them: all that one teacher can lose at a time, twice; and, so that a fleet that
// fails wholly is asked now and then, some each second.
constexpr double kRetryBurst = 2.0 * Lane::kMaxWindow;
constexpr double kRetriesPerSecond = 10;
constexpr std::chrono::milliseconds kRetryLook{100};

std::vector<RequestedOutput> Outputs(const std::vector<std::string>& predictions) {
  std::vector<RequestedOutput> outputs;
  for (const std::string& name : predictions) outputs.push_back({name});
  return outputs;
}

}  // namespace

Dispatcher::Dispatcher(const ReaderOptions& options, Executor& executor, TeacherClientFactory connect,
                       std::size_t max_requests, std::function<void(std::int64_t)> on_window, std::size_t max_lanes,
                       TraceRecorder* trace)
    : options_(options),
      outputs_(Outputs(options.predictions)),
      executor_(executor),
      on_window_(std::move(on_window)),
      trace_(trace),
      lanes_(max_lanes),
      pending_(max_requests, lanes_),
      flights_(2 * max_requests),
      retry_budget_({options.retry_budget, kRetriesPerSecond, kRetryBurst}),
      wait_ledger_(executor.Now()),
      keeper_(options, executor, std::move(connect), lanes_, calls_, *this),
      judge_(lanes_, keeper_),
      hedger_(options.hedge_budget, executor, lanes_, flights_, *this) {
  keeper_.Start();
}

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
  TellWindows();
  Pump(lane);
}

void Dispatcher::TellWindows() {
  std::int64_t windows = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) windows += lanes_[i].ready() ? lanes_[i].window() : 0;
  on_window_(windows);
}

void Dispatcher::NoteStudentWaits(std::optional<TimePoint> since) {
  student_waits_since_.store(since ? since->time_since_epoch() / std::chrono::nanoseconds(1) : 0, kRelaxed);
  if (since) {
    wait_ledger_.NoteStudent(WaitLedger::Student::kWaits, *since);
  } else {
    wait_ledger_.NoteStudent(WaitLedger::Student::kWorks, executor_.Now());
  }
}

std::optional<TimePoint> Dispatcher::StudentWaitsSince() const {
  const std::int64_t since = student_waits_since_.load(kRelaxed);
  if (since == 0) return std::nullopt;
  const TimePoint time{std::chrono::nanoseconds(since)};
  if (submitted_.load(kRelaxed) > finished_.load(kRelaxed)) return time;
  MutexLock lock(mu_);
  if (binding_awaited_) return time;
  return std::nullopt;  // it waits for its source
}

void Dispatcher::Submit(TeacherRequest& request) {
  submitted_.fetch_add(1, kRelaxed);
  pending_.Push(request);
  if (failed()) return FinishPending();
  if (Lane* lane = lanes_.Quickest(executor_.Now())) Pump(*lane);
  if (pending_.size() > 0) PumpAll();
}

void Dispatcher::PumpAll() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) Pump(lanes_[i]);
}

void Dispatcher::Pump(Lane& lane) {
  while (std::optional<int> place = lane.Reserve()) {
    if (TeacherRequest* request = pending_.Take(lane)) {
      lane.MarkBusy(executor_.Now());
      Send(lane, *place, *request);
      continue;
    }
    lane.Release(*place);
    if (!pending_.HasWorkFor(lane)) break;
  }
  const TimePoint now = executor_.Now();
  lane.MarkIdle(now);
  NoteStarving(lane, now);
}

// Two threads that find different things may say so in the wrong order: each looks again after it has spoken. So does
// one that finds room in a lane which is closed meanwhile.
void Dispatcher::NoteStarving(Lane& lane, TimePoint now) {
  auto starves = [&] { return lane.HasRoom() && !pending_.HasWorkFor(lane); };
  bool found = false;
  do {
    found = starves();
    if (lane.SetStarving(found)) wait_ledger_.NoteStarving(found ? 1 : -1, now);
  } while (found != starves());
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
  ++request.attempts;
  ++request.trace.sends;
  Flight& flight = flights_.Take();
  flight.Begin(request, lane, place, executor_.Now());
  hedger_.NoteFlight();
  StartLeg(flight, 0);
}

void Dispatcher::SendHedge(Flight& flight) {
  Lane& lane = *flight.leg(1).lane;
  lane.MarkBusy(executor_.Now());
  StartLeg(flight, 1);
  Pump(lane);
}

void Dispatcher::StartLeg(Flight& flight, int leg) {
  const ModelInfo& model = bound_.load(std::memory_order_acquire)->model();
  Lane& lane = *flight.leg(leg).lane;
  const int place = flight.leg(leg).place;
  TeacherCall& call = lane.call(place);
  lane.CountAttempt();
  flight.Hold();  // it may have landed when Start returns
  calls_->Enter();
  lane.Enter();  // for the callback
  lane.Enter();  // and for us: the call, too, may be over
  absl::Cleanup leave_lane = [&] { lane.Leave(); };
  absl::Status started = Guarded([&] {
    return call.Start({model.name, model.version, "", flight.inputs(), outputs_}, options_.attempt_timeout,
                      {&flight.cancellation(), &flight},
                      [this, &flight, &lane, leg, calls = calls_](absl::StatusOr<InferReply> reply) {
                        absl::Cleanup leave = [&lane, &calls] {
                          lane.Leave();
                          calls->Leave();
                        };
                        OnDone(flight, leg, std::move(reply));
                      });
  });
  if (!started.ok()) {
    TraceAttempt(trace_, flight, leg, executor_.Now(), {started.code()});
    lane.Release(place);
    TeacherRequest* request = flight.LandFailed(leg);
    flights_.LetGo(flight);
    if (request != nullptr) Finish(*request, Annotate(started, request->sink->Describe(*request)));
    lane.Leave();
    calls_->Leave();
  } else if (failed() || flight.cancellation().cancelled() || flight.landed()) {
    // Fail, Cancel and the rival look for calls to cancel after they have set what is read here.
    call.CancelIf({nullptr, &flight});
  }
  flights_.LetGo(flight);
}

void Dispatcher::OnDone(Flight& flight, int leg, absl::StatusOr<InferReply> reply) {
  Lane& lane = *flight.leg(leg).lane;
  const TimePoint now = executor_.Now();  // before the place is another's
  lane.Release(flight.leg(leg).place);
  const std::optional<ReplyTimes> times = reply.ok() ? reply->times : std::nullopt;
  absl::StatusOr<std::vector<WireTensor>> predictions = reply.ok() ? Guarded([&] {
    return CheckReply(*bound_.load(std::memory_order_acquire), flight.rows(), options_.check_finite, *std::move(reply));
  })
                                                                   : reply.status();
  if (!predictions.ok()) return OnFailed(flight, leg, now, predictions.status());
  const auto latency = now - flight.leg(leg).sent;
  TeacherRequest* request = flight.LandWell();
  TraceAttempt(trace_, flight, leg, now, {absl::StatusCode::kOk, request == nullptr});
  if (lane.CountCompleted(flight.rows(), latency, now)) executor_.Post([this] { TellWindows(); });
  lane.CountTimes(times, latency);
  hedger_.Record(flight.rows(), latency);
  if (request != nullptr) OnWon(flight, leg, *request);
  flights_.LetGo(flight);
  Pump(lane);  // the teacher's next request first: finishing this one may copy
  if (request != nullptr) Finish(*request, std::move(predictions));
}

void Dispatcher::OnWon(Flight& flight, int leg, const TeacherRequest& request) {
  const Lane& lane = *flight.leg(leg).lane;
  for (const BadReply& bad : request.bad_replies) judge_.Convict(bad, lane);
  if (!flight.raced()) return;
  if (const BadReply* bad = flight.BadReplyOfOther(leg)) judge_.Convict(*bad, lane);
  Flight::Leg* rival = flight.Rival(leg);
  if (leg == 1) hedges_won_.fetch_add(1, kRelaxed);
  if (rival == nullptr || !rival->lane->Pin(rival->life)) return;
  absl::Cleanup leave = [&] { rival->lane->Leave(); };
  if (leg == 1) judge_.NoteLostRace(*rival->lane, rival->sent, executor_.Now());
  rival->lane->call(rival->place).CancelIf({nullptr, &flight});
}

void Dispatcher::OnFailed(Flight& flight, int leg, TimePoint now, const absl::Status& error) {
  Lane& lane = *flight.leg(leg).lane;
  const bool unwanted = failed() || flight.cancellation().cancelled();
  const bool lost = flight.landed() && absl::IsCancelled(error);  // to its rival, which had it cancelled
  if (!unwanted && LaneJudge::MakesNoSense(error)) flight.Spoil(leg, {&lane, lane.life(), lane.standing(), error});
  TeacherRequest* request = flight.LandFailed(leg);
  TraceAttempt(trace_, flight, leg, now, {error.code(), lost}, request);
  flights_.LetGo(flight);
  if (request == nullptr) {
    if (!unwanted && !lost) judge_.Blame(lane, error);
    return Pump(lane);
  }
  if (absl::Status wanted = Wanted(*request); !wanted.ok()) {
    Finish(*request, wanted);
    return Pump(lane);
  }
  OnAttemptFailed(lane, *request, error);
}

void Dispatcher::OnAttemptFailed(Lane& lane, TeacherRequest& request, const absl::Status& error) {
  Verdict verdict = judge_.Judge(lane, request, error, options_.max_attempts);
  if (!verdict.retry) {
    Finish(request,
           Annotate(error, absl::StrCat(request.sink->Describe(request), ", teacher ", lane.endpoint(), ", attempt ",
                                        request.attempts, " of ", options_.max_attempts, " (", verdict.reason, ")")));
    return Pump(lane);
  }
  Log().info("{}, teacher {}, attempt {} of {}: {}; it is tried again", request.sink->Describe(request),
             lane.endpoint(), request.attempts, options_.max_attempts, error.ToString());
  if (!verdict.counts) --request.attempts;
  request.avoid = lane.id();
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
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].CancelCalls({&cancellation, nullptr});
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
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].CancelCalls({});
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
  const TimePoint now = executor_.Now();
  stats.dispatch.out = finished_.load(kRelaxed);
  stats.dispatch.in = std::max(submitted_.load(kRelaxed), stats.dispatch.out);
  stats.dispatch.depth = stats.dispatch.in - stats.dispatch.out;
  stats.retried = retried_.load(kRelaxed);
  stats.hedged = hedger_.hedged();
  stats.hedges_won = hedges_won_.load(kRelaxed);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i].vacant()) stats.lanes.push_back(lanes_[i].Stats(now));
  }
}

}  // namespace edl
