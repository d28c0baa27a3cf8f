// SPDX-License-Identifier: Apache-2.0
// Flight: a teacher request in the air: one attempt, or two that race each other.
// Place: the dispatcher begins one for each round of attempts; the hedger adds the second attempt; whoever ends the
//        round gets the request back from it.
// Lifetime: the memory is FlightPool's and outlives every flight, so that the hedger may look at one that lands at that
//           moment. Its inputs live, in it and not in the request, until both attempts have called back: the request
//           itself may be finished and gone before.
// Thread-safety: any thread, by these invariants (all atomics sequentially consistent):
//  1. The request is in `request_` from Begin until somebody takes it out by an exchange. Whoever gets it has it alone,
//     and finishes it or sends it again.
//  2. An attempt that went well takes it. One that failed takes it only if no other is in the air; AddAttempt never
//     raises the number of attempts from 0. So it is taken once: by the first that went well, else by the last.
//  3. Whoever holds the flight (each attempt, and those who look) sees the constant fields as Begin, or AddAttempt,
//     wrote them; the last who lets go empties it and gives it back. Nobody holds it that was not held.
//  4. Who wins takes the request, then looks for a second attempt to cancel; who adds one starts it, then looks whether
//     the request is still there. One of the two sees the other (Dekker).
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "src/base/executor.h"
#include "src/dispatch/teacher_request.h"

namespace edl {

class Flight {
 public:
  // One attempt's way: constant once it is in the air, but for the bad reply.
  struct Leg {
    Lane* lane = nullptr;
    std::int64_t life = 0;  // of the lane, which may have another by the time that somebody looks at the other's leg
    int place = 0;
    TimePoint sent;
    BadReply bad;                      // valid once `spoiled`
    std::atomic<bool> spoiled{false};  // written by the attempt, read by whoever takes the request
  };

  // For the pool: nobody holds it.
  void Begin(TeacherRequest& request, Lane& lane, int place, TimePoint now);

  const std::vector<WireTensor>& inputs() const { return inputs_; }
  std::int64_t first_row() const { return first_row_; }
  std::int64_t rows() const { return rows_; }
  const RequestTrace& trace() const { return trace_; }
  const Cancellation& cancellation() const { return *cancellation_; }
  Leg& leg(int i) { return legs_[i]; }

  // The second attempt, once. False, and nothing has changed: the first is over, or there has been a second.
  bool AddAttempt(Lane& lane, int place, TimePoint now);
  bool raced() const { return raced_.load(std::memory_order_seq_cst); }
  // The request has been taken.
  bool landed() const { return request_.load(std::memory_order_seq_cst) == nullptr; }

  // An attempt went well, or failed: the request, if it is the caller's now. On failure the inputs are in it again, and
  // so are the bad replies of the other attempt.
  TeacherRequest* LandWell();
  TeacherRequest* LandFailed(int leg);

  // An attempt, before it lands, whose answer made no sense; and what the other said of itself so, or null.
  void Spoil(int leg, BadReply bad);
  const BadReply* BadReplyOfOther(int leg) const;

  // After LandWell: the other attempt, if it may still be in the air.
  Leg* Rival(int leg);

  void Hold() { holders_.fetch_add(1, std::memory_order_seq_cst); }
  bool TryHold();
  // True: nobody holds it any more, it is empty, and goes back to the pool.
  bool LetGo();

 private:
  friend class FlightPool;

  // Constant while it is held.
  std::vector<WireTensor> inputs_;
  std::int64_t first_row_ = 0;
  std::int64_t rows_ = 0;
  RequestTrace trace_;
  std::shared_ptr<const Cancellation> cancellation_;
  Leg legs_[2];

  std::atomic<TeacherRequest*> request_{nullptr};
  std::atomic<int> attempts_{0};    // in the air
  std::atomic<bool> raced_{false};  // there is, or was, a second one
  // kEmpty: nobody has held it since it was emptied. Begin reads that before it writes anything, and so comes after the
  // emptying: Debian's atomic_queue, through which a flight is passed on, pops without acquiring.
  static constexpr int kEmpty = -1;
  std::atomic<int> holders_{kEmpty};
};

}  // namespace edl
