// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/attempt_trace.h"

#include <algorithm>
#include <chrono>

#include "src/dispatch/lane.h"

namespace edl {
namespace {

// Viewers tie an arrow to the slice in which its moment lies, and no attempt is as short as this.
constexpr std::chrono::microseconds kInside{1};

// A moment of the attempt that a hedge races. Its lane may have gone since.
TraceMoment InsideFirst(TraceRecorder& trace, const Flight::Leg& first) {
  if (!first.lane->Pin(first.life)) return {};
  const TraceMoment moment{trace.TeacherNumber(first.lane->endpoint()), first.place, first.sent + kInside};
  first.lane->Leave();
  return moment;
}

}  // namespace

void RecordAttempt(TraceRecorder& trace, Flight& flight, int leg, TimePoint now, AttemptEnd end,
                   TeacherRequest* failed) {
  const Flight::Leg& own = flight.leg(leg);
  const RequestTrace& request = flight.trace();
  TraceEvent event;
  event.kind = TraceEvent::Kind::kAttempt;
  event.from = own.sent;
  event.to = now;
  event.item = request.item;
  AttemptEvent& attempt = event.attempt;
  attempt.role = leg == 1            ? AttemptEvent::Role::kHedge
                 : request.sends > 1 ? AttemptEvent::Role::kRetry
                                     : AttemptEvent::Role::kFirst;
  attempt.lost = end.lost;
  attempt.status = end.status;
  attempt.number = request.sends;
  attempt.teacher = trace.TeacherNumber(own.lane->endpoint());
  attempt.place = own.place;
  attempt.first_row = flight.first_row();
  attempt.rows = flight.rows();
  attempt.after = leg == 1 ? InsideFirst(trace, flight.leg(0)) : request.failed_before;
  trace.Record(event);
  if (failed != nullptr) failed->trace.failed_before = {attempt.teacher, own.place, std::max(own.sent, now - kInside)};
}

}  // namespace edl
