// SPDX-License-Identifier: Apache-2.0
// Retry policy: what a failed attempt means for its request and for the lane that it was made on.
// Source: gRPC's status codes; a server that shuts down answers CANCELLED or UNAVAILABLE (design.md, section 5).
#pragma once

#include "absl/status/status.h"
#include "src/dispatch/teacher_request.h"

namespace edl {

struct Verdict {
  bool retry = false;  // the request goes to a teacher again
  bool eject = false;  // the lane goes out of rotation until it answers a probe
  bool bad_reply = false;
  const char* reason = "";  // why there is no retry
};

// `request` has made its attempt.
Verdict Judge(const absl::Status& error, const TeacherRequest& request, int max_attempts);

}  // namespace edl
