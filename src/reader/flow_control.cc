// SPDX-License-Identifier: Apache-2.0
#include "src/reader/flow_control.h"

#include <algorithm>

#include "src/trace/trace_span.h"

namespace edl {
namespace {

constexpr auto kSeqCst = std::memory_order_seq_cst;

}  // namespace

FlowControl::FlowControl(std::int64_t batches, std::int64_t bytes, std::int64_t requests, TraceRecorder* trace)
    : all_bytes_(bytes), trace_(trace), batches_(batches), bytes_(bytes), requests_(requests), all_batches_(batches) {}

bool FlowControl::AdmitBatch(std::int64_t epoch, std::int64_t& bytes) {
  bytes = std::min(bytes, all_bytes_);
  auto fits = [&] { return batches_.load(kSeqCst) >= 1 && bytes_.load(kSeqCst) >= bytes; };
  if (!fits()) {
    TraceSpan span(trace_, TraceEvent::Kind::kBatchHeld, {epoch});
    batch_parking_.Await([&] { return GivenUp(epoch) || (WorthWaking(batches_.load(kSeqCst)) && fits()); });
  }
  if (GivenUp(epoch)) return false;
  batches_.fetch_sub(1, kSeqCst);
  bytes_.fetch_sub(bytes, kSeqCst);
  return true;
}

bool FlowControl::WorthWaking(std::int64_t free_batches) const {
  constexpr std::int64_t kPart = 8;
  return free_batches >= std::max<std::int64_t>(1, all_batches_.load(kSeqCst) / kPart);
}

bool FlowControl::AdmitRequest(std::int64_t epoch) {
  auto fits = [&] { return requests_.load(kSeqCst) >= 1; };
  if (!fits()) {
    TraceSpan span(trace_, TraceEvent::Kind::kRequestHeld, {epoch});
    request_parking_.Await([&] { return GivenUp(epoch) || fits(); });
  }
  if (GivenUp(epoch)) return false;
  requests_.fetch_sub(1, kSeqCst);
  return true;
}

bool FlowControl::AwaitAsked(std::int64_t epoch) {
  TraceSpan span(trace_, TraceEvent::Kind::kEpochHeld, {epoch});
  epoch_parking_.Await([&] { return stopped() || asked_.load(kSeqCst) >= epoch; });
  return !stopped();
}

void FlowControl::ReleaseBatch(std::int64_t bytes) {
  bytes_.fetch_add(bytes, kSeqCst);
  // Credits come back one by one, so one of these calls sees the number that the waiting thread needs.
  if (WorthWaking(batches_.fetch_add(1, kSeqCst) + 1)) batch_parking_.Wake();
}

void FlowControl::ReleaseRequest() {
  requests_.fetch_add(1, kSeqCst);
  request_parking_.Wake();
}

void FlowControl::RaiseBatches(std::int64_t batches) {
  std::int64_t before = all_batches_.load(kSeqCst);
  if (batches <= before) return;
  all_batches_.store(batches, kSeqCst);
  batches_.fetch_add(batches - before, kSeqCst);
  batch_parking_.Wake();
}

void FlowControl::AskFor(std::int64_t epoch) {
  asked_.store(epoch, kSeqCst);
  epoch_parking_.Wake();
}

void FlowControl::Leave(std::int64_t epoch) {
  left_.store(epoch, kSeqCst);
  batch_parking_.Wake();
  request_parking_.Wake();
}

void FlowControl::Stop() {
  stopped_.store(true, kSeqCst);
  batch_parking_.Wake();
  request_parking_.Wake();
  epoch_parking_.Wake();
}

}  // namespace edl
