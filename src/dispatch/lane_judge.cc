// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/lane_judge.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "src/base/status.h"
#include "src/rpc/pushback.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

constexpr int kMostBadInARow = 3;
constexpr int kMostLostInARow = 3;
// Such a teacher passes its probe, so nothing is known before it has answered a request; it gets one a while.
constexpr milliseconds kBadReplyRest{1000};

RequestHistory HistoryOf(const TeacherRequest& request, const Lane& lane, Standing standing) {
  RequestHistory history;
  history.attempts = request.attempts;
  history.good_witnesses = standing == Standing::kGood ? 1 : 0;
  for (const BadReply& bad : request.bad_replies) {
    history.bad_replies += bad.standing != Standing::kConvicted ? 1 : 0;
    history.good_witnesses += bad.standing == Standing::kGood && bad.from() != lane.id() ? 1 : 0;
  }
  return history;
}

}  // namespace

Verdict LaneJudge::Judge(Lane& lane, TeacherRequest& request, const absl::Status& error, int max_attempts) {
  lane.CountFailed(error);
  const Standing standing = lane.standing();
  RequestHistory history = HistoryOf(request, lane, standing);
  history.max_attempts = max_attempts;
  auto other_that = [&](bool (*condition)(const Lane&)) {
    return lanes_.Any(
        [&](const Lane& other) { return condition(other) && &other != &lane && !request.SpoiledBy(other.id()); });
  };
  history.others_left = other_that([](const Lane& other) { return other.usable(); });
  history.others_may_come = other_that([](const Lane& other) {
    return other.state() == Lane::State::kConnecting || other.state() == Lane::State::kEjected;
  });
  Verdict verdict = edl::Judge(error, history);
  if (verdict.lane == Verdict::Lane::kSuspect) request.bad_replies.push_back({&lane, lane.life(), standing, error});
  Punish(lane, verdict.lane, standing, error);
  return verdict;
}

void LaneJudge::Punish(Lane& lane, Verdict::Lane verdict, Standing before, const absl::Status& error) {
  std::optional<milliseconds> pushback = PushbackOf(error);
  switch (verdict) {
    case Verdict::Lane::kEject:
      return keeper_.Eject(lane, error, pushback.value_or(milliseconds(0)));
    case Verdict::Lane::kRest:
      return keeper_.Rest(lane, error, pushback);
    case Verdict::Lane::kSuspect:
      if (lane.CountBadReply() >= kMostBadInARow || before == Standing::kConvicted) {
        keeper_.Eject(lane, error, std::max(pushback.value_or(milliseconds(0)), kBadReplyRest));
      }
      break;
    case Verdict::Lane::kKeep:
      break;
  }
  if (pushback) keeper_.Rest(lane, error, pushback);
}

void LaneJudge::Blame(Lane& lane, const absl::Status& error) {
  lane.CountFailed(error);
  RequestHistory history;
  history.others_left = true;
  Punish(lane, edl::Judge(error, history).lane, lane.standing(), error);
}

void LaneJudge::Convict(const BadReply& bad, const Lane& lane) {
  if (bad.from() == lane.id()) return;
  Lane& convict = *bad.lane;
  if (!convict.Pin(bad.life)) return;  // that teacher is gone
  absl::Cleanup leave = [&] { convict.Leave(); };
  if (convict.bad_in_a_row() == 0) return;  // one good answer since, and it was a lapse
  convict.Convict();
  keeper_.Eject(convict,
                Annotate(bad.why, absl::StrCat("teacher ", lane.endpoint(), " answered well what it answered so")),
                kBadReplyRest);
}

void LaneJudge::NoteLostRace(Lane& lane, TimePoint sent, TimePoint now) {
  if (lane.CountLostRace(sent, now) < kMostLostInARow) return;
  keeper_.Eject(lane, absl::DeadlineExceededError(absl::StrCat("its last ", kMostLostInARow,
                                                               " requests were answered sooner by teachers that were "
                                                               "asked later")));
}

bool LaneJudge::MakesNoSense(const absl::Status& error) {
  RequestHistory history;
  history.others_left = true;
  return edl::Judge(error, history).lane == Verdict::Lane::kSuspect;
}

}  // namespace edl
