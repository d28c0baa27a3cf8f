// SPDX-License-Identifier: Apache-2.0
// PendingQueue: the teacher requests that wait for a lane.
// Place: the reader's source thread pushes fresh ones; failed attempts push retries, which go first (they hold up the
//        order); whoever has a free place in a lane's window takes.
//        Retries beyond the budget are held until they are let go.
// Bounds: as many fresh requests as `capacity`; the reader's request credits see to it. Retries are some of those.
// Thread-safety: any thread. Fresh requests pass without a lock.
// Invariant (Dekker, with Lane's window): a push is counted, sequentially consistent, before the pusher looks for a
//        free place; a taker that finds nothing frees its place before it looks at the counts again. One of the two
//        sees the other, so no request waits beside a free place.
// Order: what the pusher wrote into a request, its taker sees: by the lock, or by TeacherRequest::HandOver.
// Source: fresh requests: max0x7ba/atomic_queue.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "atomic_queue/atomic_queue.h"
#include "src/base/mutex.h"
#include "src/dispatch/lane_table.h"
#include "src/dispatch/teacher_request.h"

namespace edl {

class PendingQueue {
 public:
  // `lanes` outlives it.
  PendingQueue(std::size_t capacity, const LaneTable& lanes) : lanes_(lanes), fresh_(static_cast<unsigned>(capacity)) {}

  void Push(TeacherRequest& request);
  void PushRetry(TeacherRequest& request);

  // A retry that nobody takes yet; Release lets the oldest of them go. False: there is none.
  void Hold(TeacherRequest& request);
  bool Release();
  bool holds_any() const { return held_count_.load(std::memory_order_seq_cst) > 0; }

  // The next request for `lane`, or null. A retry is kept from the lanes that failed it while another one is ready.
  TeacherRequest* Take(const Lane& lane);

  // Would Take give something?
  bool HasWorkFor(const Lane& lane);

  // Everything that waits, retries first, held ones too.
  std::vector<TeacherRequest*> TakeAll();

  // Without what is held.
  std::int64_t size() const {
    return fresh_count_.load(std::memory_order_seq_cst) + retry_count_.load(std::memory_order_seq_cst);
  }

 private:
  TeacherRequest* TakeFresh();
  bool KeepsAway(const TeacherRequest& retry, const Lane& lane) const;
  std::deque<TeacherRequest*>::iterator FindRetryFor(const Lane& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const LaneTable& lanes_;
  atomic_queue::AtomicQueueB<TeacherRequest*> fresh_;
  // Requests in `fresh_` that nobody has claimed: raised after the push, lowered before the pop, so that a pop that has
  // claimed one finds one. Written by pushers and takers.
  std::atomic<std::int64_t> fresh_count_{0};

  Mutex mu_;
  std::deque<TeacherRequest*> retries_ ABSL_GUARDED_BY(mu_);
  std::deque<TeacherRequest*> held_ ABSL_GUARDED_BY(mu_);
  std::atomic<std::int64_t> retry_count_{0};  // retries_.size(), written under mu_
  std::atomic<std::int64_t> held_count_{0};   // held_.size(), written under mu_
};

}  // namespace edl
