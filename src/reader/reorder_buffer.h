// SPDX-License-Identifier: Apache-2.0
// ReorderBuffer: the way of deliveries to the student, in the order of the source or in that of completion.
// Place: batches in flight put themselves here when their last part is back; Next() takes.
// Thread-safety: Place: the source's thread. Put: any thread. Take: one thread at a time. Close: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "src/queue/reorder_ring.h"
#include "src/reader/delivery.h"
#include "src/trace/trace_recorder.h"

namespace edl {

class ReorderBuffer {
 public:
  // Holds `capacity` deliveries; FlowControl admits no more. `trace` may be null, and outlives it.
  ReorderBuffer(bool ordered, std::size_t capacity, TraceRecorder* trace)
      : ordered_(ordered), trace_(trace), ring_(capacity) {}

  // The next place in the order of the source; every place that is asked for is put.
  std::uint64_t Place() { return next_place_++; }

  void Put(std::uint64_t place, std::unique_ptr<Delivery> delivery) {
    if (IsTraced(*delivery)) trace_->CountReady(1);
    // Without order, the place is the turn of arrival. The ring's invariant 2 holds for it, too: the credit that frees
    // the slot was taken for this delivery or for one that has had its turn before, and with acquire and release each
    // turn sees all that those before it have seen.
    ring_.Put(ordered_ ? place : arrivals_.fetch_add(1, std::memory_order_acq_rel), std::move(delivery));
  }

  // Null: nothing yet.
  std::unique_ptr<Delivery> TryTake() { return Taken(ring_.TryTake()); }
  // Waits; null: closed.
  std::unique_ptr<Delivery> Take() { return Taken(ring_.Take()); }
  void Close() { ring_.Close(); }

 private:
  std::unique_ptr<Delivery> Taken(std::unique_ptr<Delivery> delivery) {
    if (delivery != nullptr && IsTraced(*delivery)) trace_->CountReady(-1);
    return delivery;
  }
  // An epoch's end is there long before its turn, and nobody waits for it.
  bool IsTraced(const Delivery& delivery) const { return trace_ != nullptr && delivery.kind != Delivery::Kind::kEnd; }

  const bool ordered_;
  TraceRecorder* const trace_;
  std::uint64_t next_place_ = 0;
  std::atomic<std::uint64_t> arrivals_{0};  // raised by whoever puts; acq_rel, see Put
  ReorderRing<Delivery> ring_;
};

}  // namespace edl
