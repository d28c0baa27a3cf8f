// SPDX-License-Identifier: Apache-2.0
// BatchInFlight: one item of the source (or one group of samples) while its rows are with the teachers.
// Place: the source loop makes it and submits its requests; its replies join here, and make its delivery.
// Rules: it is delivered exactly once, when each of its requests has been finished, on the thread that finished the
//        last. A row's prediction is found by its request and place in it, never by the order of arrival.
// Errors: a batch of which any part failed is delivered as that fault, the first by row.
// Lifetime: owns itself from Start to its delivery; the buffer and the flow control outlive it.
// Cost: a reply that is all of a batch is not copied (if its bytes are aligned); parts are joined by one copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "edl/batch_source.h"
#include "src/dispatch/teacher_request.h"
#include "src/reader/delivery.h"
#include "src/reader/flow_control.h"
#include "src/reader/reader_counters.h"
#include "src/reader/reorder_buffer.h"
#include "src/reader/splitter.h"

namespace edl {

struct SourceItems {
  SourceForm form = SourceForm::kBatches;
  std::int64_t epoch = 0;
  std::int64_t first_seq = 0;  // batch_seq of the item; of a group's first sample
  SampleList samples;          // a batch: one, of several rows

  // "batch 17 of epoch 0", "samples 32 to 63 of epoch 0"
  std::string Describe() const;
};

class BatchInFlight final : private RequestSink {
 public:
  // What all batches of a reader share; outlives them.
  struct Shared {
    ReorderBuffer& buffer;
    FlowControl& flow;
    ReaderCounters& counters;
    std::vector<TensorSpec> predictions;
    std::shared_ptr<const std::vector<std::string>> names;
  };

  // `bytes`: the byte credits that it holds, beside a batch's.
  BatchInFlight(const Shared& shared, std::uint64_t place, SourceItems items, std::vector<Part> parts,
                std::shared_ptr<Cancellation> cancellation, std::int64_t bytes);

  // Calls `submit` for each request once it is admitted; those that are not, since the epoch was left or the reader
  // stops, are cancelled. The batch may be gone when this returns.
  static void Start(std::unique_ptr<BatchInFlight> batch, const std::function<void(TeacherRequest&)>& submit);

 private:
  void OnReply(TeacherRequest& request, absl::StatusOr<std::vector<WireTensor>> predictions) override;
  std::string Describe(const TeacherRequest& request) const override;

  void Settle(TeacherRequest& request, absl::StatusOr<std::vector<WireTensor>> predictions);
  void Deliver();
  absl::Status JoinBatch(std::vector<DistilledBatch>& batches);
  absl::Status JoinSamples(std::vector<DistilledBatch>& batches);
  DistilledBatch NewBatch(std::int64_t seq, std::int64_t rows) const;

  const Shared& shared_;
  const std::uint64_t place_;
  const std::shared_ptr<Cancellation> cancellation_;
  const std::int64_t bytes_;
  SourceItems items_;
  std::vector<TeacherRequest> requests_;
  // One a request, each written by the thread that finishes it, read by the one that finishes the last.
  std::vector<absl::StatusOr<std::vector<WireTensor>>> replies_;
  std::atomic<std::size_t> missing_;  // acq_rel: who brings it to zero sees all replies
};

}  // namespace edl
