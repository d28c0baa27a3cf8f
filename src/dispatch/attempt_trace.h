// SPDX-License-Identifier: Apache-2.0
// AttemptTrace: notes down in the trace how an attempt went. Each is noted once, when it has ended: those that are
// still in the air when the reader goes are cancelled by then.
// Thread-safety: any thread that holds the flight and the lane of that leg.
#pragma once

#include "src/dispatch/flight.h"
#include "src/trace/trace_recorder.h"

namespace edl {

struct AttemptEnd {
  absl::StatusCode status = absl::StatusCode::kOk;
  bool lost = false;  // the other attempt had the request
};

void RecordAttempt(TraceRecorder& trace, Flight& flight, int leg, TimePoint now, AttemptEnd end,
                   TeacherRequest* failed);

// `trace` may be null. `now`: a time before the place in the lane was free again. `failed`: the request, if the attempt
// failed and the request is the caller's now; it keeps from where its next attempt's arrow comes.
inline void TraceAttempt(TraceRecorder* trace, Flight& flight, int leg, TimePoint now, AttemptEnd end,
                         TeacherRequest* failed = nullptr) {
  if (trace != nullptr && trace->recording()) RecordAttempt(*trace, flight, leg, now, end, failed);
}

}  // namespace edl
