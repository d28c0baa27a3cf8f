// SPDX-License-Identifier: Apache-2.0
// TeacherRequest: some rows of one source batch, on their way to a teacher and back.
// Place: the splitter makes it, dispatch sends it (more than once, if need be), its sink gets the soft labels.
// Lifetime: its maker owns it and keeps it until the sink is called, which happens exactly once for each Submit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/cancellation.h"
#include "src/tensor/wire_tensor.h"
#include "src/trace/trace_event.h"

namespace edl {

class Lane;
struct TeacherRequest;

// What is known of a lane's answers.
enum class Standing {
  kGood,       // it has given good ones, and no bad one since
  kUnproven,   // neither
  kConvicted,  // bad ones to requests that others answered well, and no good one since
};

class RequestSink {
 public:
  // One tensor [rows, …] for each prediction, in the order of ReaderOptions::predictions; or why there are none.
  // On whichever thread finished the request; from here on it is its maker's again.
  virtual void OnReply(TeacherRequest& request, absl::StatusOr<std::vector<WireTensor>> predictions) = 0;

  // For messages: "batch 17 of epoch 0, rows 32 to 63".
  virtual std::string Describe(const TeacherRequest& request) const = 0;

 protected:
  ~RequestSink() = default;
};

// Which teacher: a lane is used again, for another endpoint, when its own has been gone for a while. Good for
// comparing; whether the lane is still that teacher's, Lane::Pin says.
struct LaneId {
  const Lane* lane = nullptr;
  std::int64_t life = 0;

  bool operator==(const LaneId& other) const { return lane == other.lane && life == other.life; }
  bool operator!=(const LaneId& other) const { return !(*this == other); }
};

// What the trace says of a request's attempts. The flight has a copy, since the request may be gone before the last.
struct RequestTrace {
  TraceItem item;             // written by the maker
  int sends = 0;              // attempts, all of them, but hedges
  TraceMoment failed_before;  // the last of them
};

// A teacher's answer that made no sense. Whose fault that is, the teacher's or the request's, shows when the request is
// answered elsewhere: see retry_policy.h.
struct BadReply {
  LaneId from() const { return {lane, life}; }

  Lane* lane = nullptr;
  std::int64_t life = 0;
  Standing standing = Standing::kUnproven;  // the lane's, before this answer
  absl::Status why;
};

struct TeacherRequest {
  // Did this teacher answer it badly?
  bool SpoiledBy(const LaneId& lane) const {
    for (const BadReply& bad : bad_replies) {
      if (bad.from() == lane) return true;
    }
    return false;
  }

  // Before it goes into a queue that does not acquire, and after it has come out. (Debian's atomic_queue pops so.) Both
  // read, modify and write, with acquire and release, so the later one sees all that came before the earlier one; and
  // the pop's cannot be the earlier one, for then it would come before the push of what it has popped.
  void HandOver() { hand_overs.fetch_add(1, std::memory_order_acq_rel); }
  std::atomic<int> hand_overs{0};

  // Written by the maker before Submit.
  std::int64_t first_row = 0;  // in its batch
  std::int64_t rows = 0;
  std::vector<WireTensor> inputs;  // with its flight while it is in the air, and gone when it is finished
  std::shared_ptr<const Cancellation> cancellation;  // the epoch's
  RequestSink* sink = nullptr;

  // Written by dispatch: by the thread that holds the request, which the queues and gRPC hand over.
  int attempts = 0;                   // but those that a teacher was too busy for
  LaneId avoid;                       // whose attempt was the last that failed: another is preferred
  std::vector<BadReply> bad_replies;  // attempts whose reply, or error, made no sense

  RequestTrace trace;
};

}  // namespace edl
