// SPDX-License-Identifier: Apache-2.0
// ReaderStats: a snapshot of where a reader's batches are and where its time went, since it was made.
// Thread-safety: a value. Counters of one snapshot are read one after the other, not at one instant.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace edl {

// One stage: what went in, what came out, and what is in it now.
struct StageStats {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t depth = 0;
};

struct LaneStats {
  std::string endpoint;
  std::string state;  // "connecting", "ready", "resting" (it is overloaded), "ejected", "refused", "closed"
  std::int64_t attempts = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  std::int64_t bad_replies = 0;  // of those: answers that made no sense
  std::int64_t in_flight = 0;
  std::int64_t window = 0;  // requests in flight, at most, at present
  std::int64_t rows = 0;    // of completed requests
  std::int64_t ejections = 0;
  std::chrono::microseconds mean_latency{0};  // of completed requests
  std::string last_error;
};

struct ReaderStats {
  StageStats source;    // batches: pulled from the source; handed to the splitter
  StageStats dispatch;  // teacher requests: submitted; completed for good
  StageStats ring;      // batches: completed; yielded to the student or dropped with an epoch that was left

  std::int64_t rows = 0;        // yielded to the student
  std::int64_t retried = 0;     // attempts beyond the first
  std::int64_t hedged = 0;      // requests sent a second time because they were slow
  std::int64_t hedges_won = 0;  // of those: the second was answered first
  std::int64_t dropped = 0;     // batches dropped with epochs that were left early

  std::chrono::nanoseconds wall{0};                         // since the reader was made
  std::chrono::nanoseconds student_waited_for_teachers{0};  // Next() blocked
  std::chrono::nanoseconds teachers_waited_for_source{0};   // the source worked while a ready teacher had nothing to do
  std::chrono::nanoseconds source_waited_for_student{0};    // the source was held back: everything was full

  std::vector<LaneStats> lanes;  // teachers that have been closed for a while are left out

  // Several lines for people.
  std::string ToString() const;
};

}  // namespace edl
