// SPDX-License-Identifier: Apache-2.0
// LaneJudge: what the answers of a lane's teacher mean for the lane.
// Rules: a failure that is the teacher's own ejects at once, and one that is overloaded rests. An answer that makes no
//        sense is held against the lane until a good one comes; it ejects when another teacher answers the same request
//        well, at the third such answer in a row, and, for a lane that was convicted so, at once
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

  // `lane` has answered well what others, perhaps, answered badly.
  void Convict(const TeacherRequest& request, const Lane& lane);

 private:
  void Punish(Lane& lane, Verdict::Lane verdict, Standing before, const absl::Status& error);

  const LaneTable& lanes_;
  LaneKeeper& keeper_;
};

}  // namespace edl
