// SPDX-License-Identifier: Apache-2.0
// TraceEvent: one thing that happened in a reader, as the thread that did it notes it down; trace_json.h says it in
// words later, on a thread of its own.
// Thread-safety: values.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "src/base/executor.h"

namespace edl {

// Which item of the source; of a group of samples, its first. Negative: not known, or of no single one.
struct TraceItem {
  std::int64_t epoch = -1;
  std::int64_t batch = -1;
};

// A moment at a teacher (TraceRecorder::TeacherNumber) in one place of its window.
struct TraceMoment {
  int teacher = -1;  // negative: there is no such moment
  int place = 0;
  TimePoint at;
};

// An attempt of a teacher request, from when it is sent to its answer or failure.
struct AttemptEvent {
  enum class Role : std::uint8_t {
    kFirst,
    kRetry,  // the one before failed
    kHedge,  // the one before is slow, and races this one
  };

  Role role = Role::kFirst;
  bool lost = false;  // the race: another attempt had answered before
  absl::StatusCode status = absl::StatusCode::kOk;
  int number = 1;  // how often the request has been sent; a hedge has the number of the attempt that it races
  int teacher = 0;
  int place = 0;
  std::int64_t first_row = 0;  // in its batch
  std::int64_t rows = 0;
  TraceMoment after;  // inside the attempt before: the beginning of an arrow
};

struct TraceEvent {
  enum class Kind : std::uint8_t {
    // The source's thread:
    kPull,          // in the user's source
    kSplit,         // into requests
    kFirstTeacher,  // waits until a first teacher says what it serves
    kBatchHeld,     // waits for a place, or for room for the bytes, of one more batch
    kRequestHeld,   // waits for a place of one more request
    kEpochHeld,     // waits until the student asks for the epoch
    // The student's:
    kNextWaits,      // in Next(), for a batch that is not there yet
    kStep,           // with a batch, until it calls Next() again
    kBetweenEpochs,  // after an epoch's end, until it calls Next() again
    // gRPC's, mostly:
    kAttempt,
    kReady,  // how many batches are finished and not taken
  };

  Kind kind = Kind::kPull;
  TimePoint from;
  TimePoint to;
  TraceItem item;
  std::int64_t ready = 0;  // kReady
  AttemptEvent attempt;    // kAttempt
};

}  // namespace edl
