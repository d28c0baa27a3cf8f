// SPDX-License-Identifier: Apache-2.0
// Retry policy: what a failed attempt means for its request and for the lane that it was made on.
// A reply that makes no sense may be the teacher's fault or the request's, so it is evidence, not proof. It is held
// against the request only where nothing is held against the teacher, and the request is given up when no ready teacher
// is left that has not answered it so, or when two that answer others well have. It is held against the lane as
// docs/decisions/ejection.md says.
// Source: gRPC's status codes; a server that shuts down answers CANCELLED or UNAVAILABLE (design.md, section 5).
#pragma once

#include "absl/status/status.h"

namespace edl {

// What has become of a request so far.
struct RequestHistory {
  int attempts = 1;  // made, the failed one included
  int max_attempts = 1;
  int bad_replies = 0;       // before this attempt, from lanes that had not been convicted
  int good_witnesses = 0;    // lanes with nothing held against them that answered it badly, this one included
  bool others_left = false;  // a ready lane has not answered it badly
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
};

Verdict Judge(const absl::Status& error, const RequestHistory& history);

}  // namespace edl
