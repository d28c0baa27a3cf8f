// SPDX-License-Identifier: Apache-2.0
// FlowControl: what may enter the reader, and everything that the source's thread ever waits for.
// Place: the source loop takes credits; deliveries that the student takes, and requests that finish, give them back.
// Rules: batches, bytes and requests inside the reader stay within their limits (options.h has the formula); a wait
//        ends, refused, when the reader stops or the epoch is left. Who has waited for a batch's place goes on when an
//        eighth of them is free: waking a thread costs the student more of its time than taking a batch does, and what
//        is left of the places keeps the teachers busy meanwhile.
// Thread-safety: Admit…, AwaitAsked: the source's thread. AskFor, Leave: the student's. The rest: any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "src/base/parking.h"
#include "src/trace/trace_recorder.h"

namespace edl {

class FlowControl {
 public:
  // `trace` may be null, and outlives it.
  FlowControl(std::int64_t batches, std::int64_t bytes, std::int64_t requests, TraceRecorder* trace = nullptr);

  // Each waits for its credits. False, and none taken: the reader stops, or `epoch` has been left.
  // A batch of more bytes than there are in all waits until it is alone; `bytes` becomes what was taken.
  bool AdmitBatch(std::int64_t epoch, std::int64_t& bytes);
  bool AdmitRequest(std::int64_t epoch);

  // Waits until the student asks for `epoch`. False: the reader stops.
  bool AwaitAsked(std::int64_t epoch);

  void ReleaseBatch(std::int64_t bytes);
  void ReleaseRequest();
  // From now on at least `batches` in all.
  void RaiseBatches(std::int64_t batches);

  void AskFor(std::int64_t epoch);
  void Leave(std::int64_t epoch);
  bool left(std::int64_t epoch) const { return left_.load(std::memory_order_seq_cst) >= epoch; }

  void Stop();
  bool stopped() const { return stopped_.load(std::memory_order_seq_cst); }

 private:
  bool GivenUp(std::int64_t epoch) const { return stopped() || left(epoch); }
  bool WorthWaking(std::int64_t free_batches) const;

  const std::int64_t all_bytes_;
  TraceRecorder* const trace_;

  // Sequentially consistent: see Parking. Lowered by the source's thread alone, so what it has seen there stays there.
  std::atomic<std::int64_t> batches_;
  std::atomic<std::int64_t> bytes_;
  std::atomic<std::int64_t> requests_;
  std::atomic<std::int64_t> all_batches_;  // raised by the executor's thread

  std::atomic<std::int64_t> asked_{-1};  // the last epoch that the student asked for
  std::atomic<std::int64_t> left_{-1};   // the last epoch that the student left
  std::atomic<bool> stopped_{false};

  // One a cause, so that the many requests that finish do not wake a thread that waits for a batch's place.
  Parking batch_parking_;
  Parking request_parking_;
  Parking epoch_parking_;
};

}  // namespace edl
