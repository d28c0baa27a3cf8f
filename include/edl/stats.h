// SPDX-License-Identifier: Apache-2.0
// ReaderStats: a snapshot of where a reader's batches are and where its time went, since it was made.
// Example: std::puts(reader->Stats().Advice().c_str()) says "student-bound: 2 of 6 teachers would do".
// Thread-safety: a value. Counters of one snapshot are read one after the other, not at one instant.
#pragma once

#include <algorithm>
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
  std::chrono::nanoseconds latency{0};  // of completed requests, summed
  std::chrono::nanoseconds busy{0};     // had a request in flight

  // Where that latency went, summed, as the teacher's replies tell it.
  std::int64_t timed = 0;                       // of completed requests, those told of; 0: this teacher does not tell
  std::chrono::nanoseconds teacher_queue{0};    // waiting for its turn at the teacher
  std::chrono::nanoseconds teacher_compute{0};  // the model, and what makes its inputs and outputs ready
  std::chrono::nanoseconds network{0};          // the rest: on the way there and back

  std::string last_error;

  std::chrono::nanoseconds mean_latency() const {
    return completed == 0 ? std::chrono::nanoseconds(0) : latency / completed;
  }
  // 0 where the teacher does not tell.
  std::chrono::nanoseconds mean_teacher_queue() const { return teacher_queue / std::max<std::int64_t>(timed, 1); }
  std::chrono::nanoseconds mean_teacher_compute() const { return teacher_compute / std::max<std::int64_t>(timed, 1); }
  std::chrono::nanoseconds mean_network() const { return network / std::max<std::int64_t>(timed, 1); }
};

// The student's time. Each moment of ReaderStats::wall is in one of these: they add up to it. A student of a
// DevicePrefetch is busy, too, as long as its device is.
struct StudentTime {
  std::chrono::nanoseconds busy{0};                     // not in Next(), or there was a batch for it
  std::chrono::nanoseconds waited_for_teachers{0};      // they had all the work that they take
  std::chrono::nanoseconds waited_for_network{0};       // so it seemed, but it was on its way: where replies tell times
  std::chrono::nanoseconds waited_for_head_of_line{0};  // one slow request, behind which all places were full
  std::chrono::nanoseconds waited_for_source{0};        // teachers had room, and there was nothing to send

  std::chrono::nanoseconds waited() const {
    return waited_for_teachers + waited_for_network + waited_for_head_of_line + waited_for_source;
  }
};

// What keeps the student from being quicker.
enum class Bottleneck { kUnknown, kStudent, kTeachers, kNetwork, kHeadOfLine, kSource };

struct ReaderStats {
  StageStats source;    // batches: pulled from the source; handed to the splitter
  StageStats dispatch;  // teacher requests: submitted; completed for good
  StageStats ring;      // batches: completed; yielded to the student or dropped with an epoch that was left

  std::int64_t rows = 0;        // yielded to the student
  std::int64_t retried = 0;     // attempts beyond the first
  std::int64_t hedged = 0;      // requests sent a second time because they were slow
  std::int64_t hedges_won = 0;  // of those: the second was answered first
  std::int64_t dropped = 0;     // batches dropped with epochs that were left early

  std::chrono::nanoseconds wall{0};                        // since the reader was made
  StudentTime student;                                     // where `wall` went, for the student
  std::chrono::nanoseconds teachers_waited_for_source{0};  // the source worked while a ready teacher had nothing to do
  std::chrono::nanoseconds source_waited_for_student{0};   // the source was held back: everything was full

  std::vector<LaneStats> lanes;  // teachers that have been closed for a while are left out

  // What happened after `earlier`, a snapshot of the same reader: counters and times are differences; depths, windows
  // and states are this snapshot's.
  ReaderStats Since(const ReaderStats& earlier) const;

  // kUnknown: no batch has come yet. kStudent: it waited less than 2 % of the time.
  Bottleneck bottleneck() const;

  // One sentence: the bottleneck, its size, and what would help.
  std::string Advice() const;

  // Several lines for people.
  std::string ToString() const;
};

}  // namespace edl
