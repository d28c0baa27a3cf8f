// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/lane_keeper.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProbeTimeout{5000};
constexpr milliseconds kFirstBackoff{100};
constexpr milliseconds kLongestBackoff{250};  // "used again within a second" leaves no room for more
constexpr milliseconds kLongestRelapse{10'000};
constexpr milliseconds kRefusedWait{1000};  // another model is a matter of a deployment, not of milliseconds
// A server that answers and does not know the model may still be loading it. Once a teacher has served it, the name is
// no misspelling, and a training that has run for days can wait for a large model to be loaded again.
constexpr milliseconds kFirstModelPatience{10'000};
constexpr milliseconds kModelPatience{120'000};
constexpr milliseconds kFirstWarning{1000};
constexpr milliseconds kNextWarning{30'000};
constexpr milliseconds kLookForRoom{250};
constexpr milliseconds kForgetAfter{30'000};  // its connection is kept for one that is only unlisted for a moment

// An answer of a teacher that is there and well, and that no second probe would change.
bool IsRefusal(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:  // its metadata make no sense to us
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

}  // namespace

LaneKeeper::LaneKeeper(const ReaderOptions& options, Executor& executor, TeacherClientFactory connect, LaneTable& lanes,
                       std::shared_ptr<CallCount> calls, Listener& listener)
    : options_(options),
      executor_(executor),
      connect_(std::move(connect)),
      lanes_(lanes),
      calls_(std::move(calls)),
      listener_(listener),
      jitter_(std::random_device()()) {}

void LaneKeeper::Start() {
  executor_.Post([this] { NoteReadiness(); });
}

void LaneKeeper::SetTeachers(const TeacherSet& set) {
  executor_.Post([this, set] { FollowSet(set); });
}

void LaneKeeper::Eject(Lane& lane, const absl::Status& why, milliseconds rest) {
  if (!lane.LeaveReady(Lane::State::kEjected)) return;
  lane.CountEjection();
  Log().warn("teacher {} is out of rotation: {}", lane.endpoint(), why.ToString());
  executor_.Post([this, &lane, life = lane.life(), why, rest] {
    if (lane.life() == life && lane.state() == Lane::State::kEjected) {
      NoteFailure(lane, why);
      RestUntil(lane, executor_.Now() + rest);
      ProbeLater(lane, std::max(WaitAfterRelapse(lane), rest));
    }
    NoteReadiness();
    listener_.OnLanesChanged();
  });
}

void LaneKeeper::Rest(Lane& lane, const absl::Status& why, std::optional<milliseconds> rest) {
  bool was_ready = lane.LeaveReady(Lane::State::kResting);
  executor_.Post([this, &lane, life = lane.life(), why, rest, was_ready] {
    if (lane.life() != life) return;
    // One that had gone already need not rest longer, unless its teacher says so.
    if (was_ready || rest) RestUntil(lane, executor_.Now() + (rest ? *rest : WaitAfterRelapse(lane)));
    if (!was_ready || lane.state() != Lane::State::kResting) return;
    Log().info("teacher {} rests: {}", lane.endpoint(), why.ToString());
    NoteFailure(lane, why);
    ResumeWhenRested(lane);
    listener_.OnLanesChanged();
  });
}

void LaneKeeper::Shutdown() {
  shut_down_.store(true, std::memory_order_seq_cst);
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].CancelProbe();
}

void LaneKeeper::FollowSet(const TeacherSet& set) {
  std::size_t most =
      options_.max_teachers == 0 ? set.endpoints.size() : static_cast<std::size_t>(options_.max_teachers);
  std::vector<std::string> chosen(set.endpoints.begin(), set.endpoints.begin() + std::min(most, set.endpoints.size()));
  std::set<std::string> wanted(chosen.begin(), chosen.end());
  for (auto& [endpoint, lane] : by_endpoint_) {
    if (wanted.count(endpoint) == 0 && lane->state() != Lane::State::kClosed) Close(*lane);
  }
  left_out_.clear();
  for (const std::string& endpoint : chosen) {
    // Once there was no lane for one, there is none for others either: a set may be a thousand times too large.
    const bool opened = (left_out_.empty() || by_endpoint_.count(endpoint) != 0) && Open(endpoint);
    if (!opened) left_out_.insert(endpoint);
  }
  NoteLeftOut();
  NoteReadiness();
  listener_.OnLanesChanged();
}

// False: there is no lane for it.
bool LaneKeeper::Open(const std::string& endpoint) {
  auto known = by_endpoint_.find(endpoint);
  Lane* lane = known != by_endpoint_.end() ? known->second : NewLane(endpoint);
  if (lane == nullptr) return false;
  if (known == by_endpoint_.end()) {
    by_endpoint_.emplace(endpoint, lane);
  } else if (lane->state() != Lane::State::kClosed) {
    return true;
  }
  Care& care = care_[lane];
  care.opening += 1;
  care.backoff = milliseconds(0);
  care.last_failure.reset();
  care.missing_since.reset();
  care.relapses = 0;
  care.completed = lane->completed();
  care.rest_until = TimePoint::min();
  lane->set_state(Lane::State::kConnecting);
  Probe(*lane);
  return true;
}

// A vacant one, else one more, else that of whoever has been gone longest. Null: all are in use.
Lane* LaneKeeper::NewLane(const std::string& endpoint) {
  if (vacant_.empty() && !lanes_.full()) {
    return &lanes_.Add(std::make_unique<Lane>(endpoint, connect_(endpoint), options_.window));
  }
  if (vacant_.empty()) ForgetLongestClosed();
  if (vacant_.empty()) return nullptr;
  Lane* lane = vacant_.back();
  vacant_.pop_back();
  lane->Renew(endpoint, connect_(endpoint));
  return lane;
}

// Those that are gone may only have something in flight yet.
void LaneKeeper::NoteLeftOut() {
  if (left_out_.empty()) {
    said_full_ = false;
    return;
  }
  if (!std::exchange(said_full_, true)) {
    Log().error("{} teachers are not used for now, {} among them: this reader has {}, its limit", left_out_.size(),
                *left_out_.begin(), lanes_.size());
  }
  if (!looks_for_room_) LookForRoom();
}

void LaneKeeper::LookForRoom() {
  looks_for_room_ = true;
  executor_.PostAt(executor_.Now() + kLookForRoom, [this] {
    looks_for_room_ = false;
    while (!left_out_.empty() && Open(*left_out_.begin())) left_out_.erase(left_out_.begin());
    NoteLeftOut();
  });
}

void LaneKeeper::Close(Lane& lane) {
  Log().info("teacher {} is no longer listed: it gets no more requests", lane.endpoint());
  lane.set_state(Lane::State::kClosed);
  lane.probe().Cancel();
  care_[&lane].closed_since = executor_.Now();
  ForgetLater(lane);
}

void LaneKeeper::ForgetLater(Lane& lane) {
  executor_.PostAt(executor_.Now() + kForgetAfter, [this, &lane, opening = care_[&lane].opening] {
    if (care_[&lane].opening != opening || lane.vacant()) return;
    if (!Forget(lane)) ForgetLater(lane);
  });
}

// False: it still has something in flight. So it finishes what it has, whatever becomes of its endpoint.
bool LaneKeeper::Forget(Lane& lane) {
  const std::string endpoint = lane.endpoint();
  if (care_[&lane].probing || !lane.Vacate()) return false;
  by_endpoint_.erase(endpoint);
  vacant_.push_back(&lane);
  return true;
}

void LaneKeeper::ForgetLongestClosed() {
  std::vector<Lane*> closed;
  for (const auto& [endpoint, lane] : by_endpoint_) {
    if (lane->state() == Lane::State::kClosed) closed.push_back(lane);
  }
  std::sort(closed.begin(), closed.end(),
            [this](const Lane* a, const Lane* b) { return care_.at(a).closed_since < care_.at(b).closed_since; });
  for (Lane* lane : closed) {
    if (Forget(*lane)) return;
  }
}

void LaneKeeper::Probe(Lane& lane) {
  Care& care = care_[&lane];
  if (care.probing || shut_down_.load(std::memory_order_seq_cst)) return;
  care.probing = true;
  // What was not answered in time may have been sent into a connection that leads nowhere.
  if (care.last_failure && absl::IsDeadlineExceeded(*care.last_failure)) lane.Reconnect();
  calls_->Enter();
  lane.probe().Start(
      options_.model, kProbeTimeout,
      [this, &lane, opening = care.opening, calls = calls_](absl::StatusOr<ModelInfo> info) {
        executor_.Post([this, &lane, opening, info = std::move(info)] { OnProbed(lane, opening, info); });
        calls->Leave();
      });
  if (shut_down_.load(std::memory_order_seq_cst)) lane.probe().Cancel();
}

void LaneKeeper::ProbeLater(Lane& lane, milliseconds wait) {
  std::int64_t opening = care_[&lane].opening;
  executor_.PostAt(executor_.Now() + wait, [this, &lane, opening] {
    bool out = lane.state() != Lane::State::kReady && lane.state() != Lane::State::kClosed;
    if (out && care_[&lane].opening == opening) Probe(lane);
  });
}

void LaneKeeper::OnProbed(Lane& lane, std::int64_t opening, absl::StatusOr<ModelInfo> info) {
  Care& care = care_[&lane];
  care.probing = false;
  if (lane.state() == Lane::State::kClosed) return;
  if (care.opening != opening) return Probe(lane);  // closed and opened again meanwhile
  // A model may still be loading; a certificate or token that is refused in the midst of a training will be mended.
  const bool passing =
      absl::IsNotFound(info.status()) || (binding_ != nullptr && absl::IsUnauthenticated(info.status()));
  if (!passing) {
    care.missing_since.reset();
  } else if (!care.missing_since) {
    care.missing_since = executor_.Now();
  }
  const milliseconds patience = binding_ == nullptr ? kFirstModelPatience : kModelPatience;
  const bool missing = care.missing_since && executor_.Now() - *care.missing_since >= patience;
  absl::Status model = info.ok() ? CheckModel(*info) : info.status();
  if (model.ok()) {
    Admit(lane);
  } else if (info.ok() || missing || (IsRefusal(model) && !passing)) {
    Refuse(lane, model);
  } else {
    ProbeAfterFailure(lane, model);
  }
  NoteReadiness();
  LookForHopelessness();
}

absl::Status LaneKeeper::CheckModel(const ModelInfo& info) {
  if (binding_ != nullptr) return binding_->CheckSame(info);
  EDL_ASSIGN_OR_RETURN(ModelBinding binding,
                       ModelBinding::Bind(options_.fields, options_.predictions, info, options_.compression));
  binding_ = std::make_shared<const ModelBinding>(std::move(binding));
  listener_.OnBound(binding_);
  return absl::OkStatus();
}

void LaneKeeper::Admit(Lane& lane) {
  Care& care = care_[&lane];
  care.backoff = milliseconds(0);
  care.last_failure.reset();
  if (executor_.Now() < care.rest_until) {
    lane.set_state(Lane::State::kResting);
    return ResumeWhenRested(lane);
  }
  Log().info("teacher {} is in rotation", lane.endpoint());
  lane.ExemptFromTrial();
  lane.set_state(Lane::State::kReady);
  lane.MarkIdle(executor_.Now());
  listener_.OnReady(lane);
}

void LaneKeeper::RestUntil(Lane& lane, TimePoint until) {
  Care& care = care_[&lane];
  care.rest_until = std::max(care.rest_until, until);
}

void LaneKeeper::ResumeWhenRested(Lane& lane) {
  const Care& care = care_[&lane];
  executor_.PostAt(care.rest_until, [this, &lane, opening = care.opening] {
    const Care& care = care_[&lane];
    if (lane.state() != Lane::State::kResting || care.opening != opening) return;
    if (executor_.Now() < care.rest_until) return ResumeWhenRested(lane);
    Admit(lane);
    NoteReadiness();
  });
}

void LaneKeeper::Refuse(Lane& lane, const absl::Status& why) {
  Care& care = care_[&lane];
  if (lane.state() != Lane::State::kRefused)
    Log().warn("teacher {} cannot be used: {}", lane.endpoint(), why.ToString());
  care.last_failure = why;
  lane.set_last_error(why);
  lane.set_state(Lane::State::kRefused);
  ProbeLater(lane, kRefusedWait);
}

void LaneKeeper::NoteFailure(Lane& lane, const absl::Status& why) {
  care_[&lane].last_failure = why;
  lane.set_last_error(why);
}

void LaneKeeper::ProbeAfterFailure(Lane& lane, const absl::Status& why) {
  NoteFailure(lane, why);
  Care& care = care_[&lane];
  if (lane.state() == Lane::State::kRefused) lane.set_state(Lane::State::kEjected);
  care.backoff = std::min(std::max(care.backoff * 2, kFirstBackoff), kLongestBackoff);
  ProbeLater(lane, Jittered(care.backoff));
}

// A lane that has done some work since it was last out begins anew.
milliseconds LaneKeeper::WaitAfterRelapse(Lane& lane) {
  Care& care = care_[&lane];
  if (lane.completed() != care.completed) care.relapses = 0;
  care.completed = lane.completed();
  milliseconds wait = std::min(kFirstBackoff * (1 << std::min(care.relapses, 10)), kLongestRelapse);
  ++care.relapses;
  return Jittered(wait);
}

// Readers that lost a teacher together do not come back to it together.
milliseconds LaneKeeper::Jittered(milliseconds wait) {
  return wait * std::uniform_int_distribution<>(75, 100)(jitter_) / 100;
}

void LaneKeeper::LookForHopelessness() {
  const Lane* refused = nullptr;
  for (const auto& [endpoint, lane] : by_endpoint_) {
    switch (lane->state()) {
      case Lane::State::kClosed:
        continue;
      case Lane::State::kRefused:
        refused = lane;
        continue;
      case Lane::State::kReady:
      case Lane::State::kResting:
        return;
      case Lane::State::kConnecting:
      case Lane::State::kEjected:
        // A teacher that cannot be reached might yet serve the bound model. Before there is one, the refusal is most
        // likely the reader's own options, and whoever set them should hear of it, unless another may still load its
        // model.
        if (binding_ != nullptr || !care_.at(lane).last_failure || care_.at(lane).missing_since) return;
    }
  }
  if (refused == nullptr) return;
  listener_.OnHopeless(
      Annotate(*care_.at(refused).last_failure,
               absl::StrCat("every teacher that can be reached refuses; teacher ", refused->endpoint())));
}

// A teacher that rests can be reached.
bool LaneKeeper::AnyUsable() const {
  return std::any_of(by_endpoint_.begin(), by_endpoint_.end(), [](const auto& entry) {
    return entry.second->ready() || entry.second->state() == Lane::State::kResting;
  });
}

std::string LaneKeeper::DescribeTeachers() const {
  std::string failures;
  int listed = 0;
  int failed = 0;
  for (const auto& [endpoint, lane] : by_endpoint_) {
    if (lane->state() == Lane::State::kClosed) continue;
    ++listed;
    const Care& care = care_.at(lane);
    if (!care.last_failure || ++failed > 3) continue;
    absl::StrAppend(&failures, "; teacher ", endpoint, ": ", care.last_failure->ToString());
  }
  return absl::StrCat(listed, listed == 1 ? " is listed" : " are listed", failures, failed > 3 ? "; …" : "");
}

void LaneKeeper::NoteReadiness() {
  if (AnyUsable()) {
    if (outage_since_ && executor_.Now() - *outage_since_ > kFirstWarning) Log().warn("a teacher can be reached again");
    outage_since_.reset();
  } else if (!outage_since_) {
    outage_since_ = executor_.Now();
    std::int64_t outage = ++outages_;
    executor_.PostAt(*outage_since_ + kFirstWarning, [this, outage] { WarnOfOutage(outage); });
    if (options_.no_teacher_timeout.count() > 0) {
      executor_.PostAt(*outage_since_ + options_.no_teacher_timeout, [this, outage] { OnOutageDeadline(outage); });
    }
  }
}

bool LaneKeeper::StillOut(std::int64_t outage) const {
  return outage_since_ && outages_ == outage && !shut_down_.load(std::memory_order_seq_cst);
}

void LaneKeeper::WarnOfOutage(std::int64_t outage) {
  if (!StillOut(outage)) return;
  auto seconds = (executor_.Now() - *outage_since_) / std::chrono::seconds(1);
  Log().warn("no teacher for {} s, waiting for one; {}", seconds, DescribeTeachers());
  executor_.PostAt(executor_.Now() + kNextWarning, [this, outage] { WarnOfOutage(outage); });
}

void LaneKeeper::OnOutageDeadline(std::int64_t outage) {
  if (!StillOut(outage)) return;
  // A student that has enough to go on with does not miss a teacher. One that begins to wait after this look is due no
  // sooner than the next.
  const TimePoint missed_since = std::max(*outage_since_, listener_.StudentWaitsSince().value_or(executor_.Now()));
  const TimePoint due = missed_since + options_.no_teacher_timeout;
  if (executor_.Now() < due) {
    executor_.PostAt(due, [this, outage] { OnOutageDeadline(outage); });
    return;
  }
  listener_.OnHopeless(
      absl::UnavailableError(absl::StrCat("no teacher could be reached for no_teacher_timeout, ",
                                          options_.no_teacher_timeout.count(), " ms; ", DescribeTeachers())));
}

}  // namespace edl
