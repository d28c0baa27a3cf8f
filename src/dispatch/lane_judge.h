// SPDX-License-Identifier: Apache-2.0
// LaneJudge: what the answers of a lane's teacher mean for the lane.
// Rules: a failure that is the teacher's own ejects at once, and one that is overloaded rests. An answer that makes no
//        sense is held against the lane until a good one comes; it ejects when another teacher answers the same request
//        well, at the third such answer in a row, and, for a lane that was convicted so, at once. The third race in a
//        row that is lost to a hedge ejects, too, each with a request sent after the last one was lost
//        (docs/decisions/ejection.md).
// Thread-safety: any thread.
#pragma once

#include "src/dispatch/lane_keeper.h"
#include "src/dispatch/retry_policy.h"

namespace edl {

class LaneJudge {
 public:
  // Both outlive it.
  LaneJudge(const LaneTable& lanes, LaneKeeper& keeper) : lanes_(lanes), keeper_(keeper) {}

  // What an attempt on `lane`, which has just failed with `error`, means for its request and for the lane. Notes a bad
  // reply in the request, and does to the lane what is to be done. The caller holds the request.
  Verdict Judge(Lane& lane, TeacherRequest& request, const absl::Status& error, int max_attempts);

  // The same for a lane alone: another attempt has the request, or has had it.
  void Blame(Lane& lane, const absl::Status& error);

  // `lane` has answered well what another answered badly.
  void Convict(const BadReply& bad, const Lane& lane);

  // A request of `lane`, sent then, was answered sooner by a teacher that was asked later.
  void NoteLostRace(Lane& lane, TimePoint sent, TimePoint now);

  // Is it an answer, but one that makes no sense?
  static bool MakesNoSense(const absl::Status& error);

 private:
  void Punish(Lane& lane, Verdict::Lane verdict, Standing before, const absl::Status& error);

  const LaneTable& lanes_;
  LaneKeeper& keeper_;
};

}  // namespace edl
