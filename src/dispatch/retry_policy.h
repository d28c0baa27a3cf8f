// SPDX-License-Identifier: Apache-2.0
// Retry policy: what a failed attempt means for its request and for the lane that it was made on.
// A reply that makes no sense, or a refusal for good, may be the teacher's fault or the request's: it is evidence, not
// proof. The request is given up when two teachers that answer others well have answered it so; or when none is left
// that has not, and the last one answers others well or no other is on its way. See docs/decisions/ejection.md.
// Source: gRPC's status codes. A server that shuts down answers CANCELLED or UNAVAILABLE; both mean another teacher.
#pragma once

#include "absl/status/status.h"

namespace edl {

// What has become of a request so far.
struct RequestHistory {
  int attempts = 1;  // that count, and the failed one
  int max_attempts = 1;
  int bad_replies = 0;           // before this attempt, from lanes that had not been convicted
  int good_witnesses = 0;        // lanes with nothing held against them that answered it badly, this one included
  bool others_left = false;      // a lane, ready or resting, has not answered it badly
  bool others_may_come = false;  // a lane is being connected to, or out of rotation, and has not answered it badly
};

struct Verdict {
  enum class Lane {
    kKeep,
    kSuspect,  // its answer made no sense
    kRest,     // it is overloaded: nothing for a while
    kEject,    // out of rotation until it answers a probe
  };

  bool retry = false;  // the request goes to a teacher again
  Lane lane = Lane::kKeep;
  const char* reason = "";  // why there is no retry
  bool counts = true;       // the attempt is one of max_attempts
};

Verdict Judge(const absl::Status& error, const RequestHistory& history);

}  // namespace edl
