// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/lane.h"

#include <utility>

namespace edl {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kSeqCst = std::memory_order_seq_cst;

std::int64_t Nanoseconds(TimePoint time) {
  return time.time_since_epoch() / std::chrono::nanoseconds(1);
}

const char* StateName(Lane::State state) {
  switch (state) {
    case Lane::State::kConnecting:
      return "connecting";
    case Lane::State::kReady:
      return "ready";
    case Lane::State::kResting:
      return "resting";
    case Lane::State::kEjected:
      return "ejected";
    case Lane::State::kRefused:
      return "refused";
    case Lane::State::kClosed:
      return "closed";
  }
  return "";
}

}  // namespace

Lane::Lane(std::string endpoint, std::unique_ptr<TeacherClient> client, int most)
    : most_(most), window_(most), endpoint_(std::move(endpoint)) {
  Connect(std::move(client));
}

void Lane::Connect(std::unique_ptr<TeacherClient> client) {
  client_ = std::move(client);
  probe_ = client_->NewModelProbe();
  for (int i = 0; i < most_; ++i) calls_.push_back(client_->NewCall());
}

std::string Lane::endpoint() const {
  MutexLock lock(mu_);
  return endpoint_;
}

bool Lane::Pin(std::int64_t life) {
  Enter();
  if (life_.load(kSeqCst) == 2 * life) return true;
  Leave();
  return false;
}

bool Lane::Pin() {
  Enter();
  if (!vacant()) return true;
  Leave();
  return false;
}

bool Lane::Vacate() {
  auto held = [this] { return in_flight() > 0 || inside_.load(kSeqCst) > 0; };
  // Once nothing is in flight, nothing will be: who pins it in the moment of the second look has nothing to cancel.
  if (held()) return false;
  const std::int64_t life = life_.load(kSeqCst);
  life_.store(life + 1, kSeqCst);
  if (held()) {
    life_.store(life, kSeqCst);
    return false;
  }
  probe_.reset();
  calls_.clear();
  client_.reset();
  return true;
}

void Lane::Renew(std::string endpoint, std::unique_ptr<TeacherClient> client) {
  Connect(std::move(client));
  window_.Reset();
  on_trial_.store(false, kSeqCst);
  bad_in_a_row_.store(0, kRelaxed);
  convicted_.store(false, kRelaxed);
  lost_in_a_row_.store(0, kRelaxed);
  for (std::atomic<std::int64_t>* counter :
       {&recent_latency_ns_, &last_lost_, &attempts_, &completed_, &failed_, &rows_, &bad_replies_, &ejections_,
        &latency_ns_, &timed_, &teacher_queue_ns_, &teacher_compute_ns_, &network_ns_}) {
    counter->store(0, kRelaxed);
  }
  busy_clock_.Reset();
  {
    MutexLock lock(mu_);
    endpoint_ = std::move(endpoint);
    last_error_.clear();
  }
  life_.store(life_.load(kSeqCst) + 1, kSeqCst);
}

bool Lane::LeaveReady(State to) {
  State expected = State::kReady;
  if (!state_.compare_exchange_strong(expected, to, std::memory_order_seq_cst)) return false;
  if (to == State::kEjected) on_trial_.store(true, std::memory_order_seq_cst);
  return true;
}

bool Lane::HasRoom(std::uint64_t busy) const {
  if (__builtin_popcountll(busy) >= window()) return false;
  return !on_trial_.load(std::memory_order_seq_cst) || (busy & ~exempt_.load(std::memory_order_seq_cst)) == 0;
}

std::optional<int> Lane::Reserve() {
  std::uint64_t busy = busy_.load(std::memory_order_seq_cst);
  while (ready()) {
    if (!HasRoom(busy)) return std::nullopt;
    int place = __builtin_ctzll(~busy);  // a window is no larger than the places, so one of them is free
    if (!busy_.compare_exchange_weak(busy, busy | std::uint64_t{1} << place, kSeqCst)) continue;
    if (ready()) return place;
    // Closed meanwhile: see invariant 1. Ready again by the next look, and the place may have been missed.
    Release(place);
    busy = busy_.load(kSeqCst);
  }
  return std::nullopt;
}

void Lane::Release(int place) {
  if (on_trial_.load(std::memory_order_seq_cst)) {
    exempt_.fetch_and(~(std::uint64_t{1} << place), std::memory_order_seq_cst);
  }
  busy_.fetch_and(~(std::uint64_t{1} << place), std::memory_order_seq_cst);
}

void Lane::CancelCalls(CallTag tag) {
  if (!Pin()) return;
  for (std::unique_ptr<TeacherCall>& call : calls_) call->CancelIf(tag);
  Leave();
}

void Lane::CancelProbe() {
  if (!Pin()) return;
  probe_->Cancel();
  Leave();
}

std::optional<TimePoint> Lane::idle_since() const {
  // Who found nothing to do may say so after another has found something.
  if (!ready() || in_flight() > 0) return std::nullopt;
  return busy_clock_.idle_since();
}

bool Lane::SetStarving(bool starves) {
  if (starves) window_.OnStarved();
  return starving_.exchange(starves, kSeqCst) != starves;
}

bool Lane::CountCompleted(std::int64_t rows, std::chrono::nanoseconds latency, TimePoint now) {
  const std::int64_t completed = completed_.fetch_add(1, kRelaxed) + 1;
  rows_.fetch_add(rows, kRelaxed);
  const std::int64_t total = latency_ns_.fetch_add(latency.count(), kRelaxed) + latency.count();
  NoteLatency(latency);
  if (on_trial_.load(std::memory_order_seq_cst)) on_trial_.store(false, std::memory_order_seq_cst);
  if (lost_in_a_row_.load(kRelaxed) != 0) lost_in_a_row_.store(0, kRelaxed);
  if (bad_in_a_row() != 0) {
    bad_in_a_row_.store(0, kRelaxed);
    convicted_.store(false, kRelaxed);
  }
  return window_.OnCompleted(now, completed, std::chrono::nanoseconds(total));
}

void Lane::CountTimes(const std::optional<ReplyTimes>& times, std::chrono::nanoseconds latency) {
  // What took longer there than it took as a whole is no measurement.
  if (!times || times->queue + times->compute > latency) return;
  timed_.fetch_add(1, kRelaxed);
  teacher_queue_ns_.fetch_add(times->queue.count(), kRelaxed);
  teacher_compute_ns_.fetch_add(times->compute.count(), kRelaxed);
  network_ns_.fetch_add((latency - times->queue - times->compute).count(), kRelaxed);
}

void Lane::NoteLatency(std::chrono::nanoseconds latency) {
  // Threads that come at the same time may lose one another's; the next makes up for it.
  const std::int64_t recent = recent_latency_ns_.load(kRelaxed);
  recent_latency_ns_.store(recent == 0 ? latency.count() : recent + (latency.count() - recent) / 8, kRelaxed);
}

int Lane::CountLostRace(TimePoint sent, TimePoint now) {
  NoteLatency(now - sent);  // it would have taken longer still
  if (Nanoseconds(sent) < last_lost_.load(kRelaxed)) return lost_in_a_row_.load(kRelaxed);
  last_lost_.store(Nanoseconds(now), kRelaxed);
  return lost_in_a_row_.fetch_add(1, kRelaxed) + 1;
}

int Lane::CountBadReply() {
  bad_replies_.fetch_add(1, kRelaxed);
  return bad_in_a_row_.fetch_add(1, kRelaxed) + 1;
}

void Lane::Convict() {
  if (bad_in_a_row() > 0) convicted_.store(true, kRelaxed);
}

Standing Lane::standing() const {
  if (convicted_.load(kRelaxed)) return Standing::kConvicted;
  return bad_in_a_row() == 0 && completed() > 0 ? Standing::kGood : Standing::kUnproven;
}

void Lane::CountFailed(const absl::Status& status) {
  failed_.fetch_add(1, kRelaxed);
  set_last_error(status);
}

void Lane::set_last_error(const absl::Status& status) {
  MutexLock lock(mu_);
  last_error_ = status.ToString();
}

LaneStats Lane::Stats(TimePoint now) const {
  LaneStats stats;
  stats.state = StateName(state());
  stats.attempts = attempts_.load(kRelaxed);
  stats.completed = completed_.load(kRelaxed);
  stats.failed = failed_.load(kRelaxed);
  stats.in_flight = in_flight();
  stats.window = window();
  stats.rows = rows_.load(kRelaxed);
  stats.bad_replies = bad_replies_.load(kRelaxed);
  stats.ejections = ejections_.load(kRelaxed);
  stats.latency = std::chrono::nanoseconds(latency_ns_.load(kRelaxed));
  stats.busy = busy_clock_.busy(now);
  stats.timed = timed_.load(kRelaxed);
  stats.teacher_queue = std::chrono::nanoseconds(teacher_queue_ns_.load(kRelaxed));
  stats.teacher_compute = std::chrono::nanoseconds(teacher_compute_ns_.load(kRelaxed));
  stats.network = std::chrono::nanoseconds(network_ns_.load(kRelaxed));
  MutexLock lock(mu_);
  stats.endpoint = endpoint_;
  stats.last_error = last_error_;
  return stats;
}

}  // namespace edl
