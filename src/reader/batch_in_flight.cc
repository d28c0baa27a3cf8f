// SPDX-License-Identifier: Apache-2.0
#include "src/reader/batch_in_flight.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"

namespace edl {
namespace {

// A prediction for no rows: any unknown dimension is 0, too.
absl::StatusOr<Tensor> NoRows(const TensorSpec& spec) {
  Shape shape = spec.shape;
  for (std::int64_t& d : shape) d = std::max<std::int64_t>(d, 0);
  return Tensor::Wrap(spec.dtype, std::move(shape), nullptr, 0, nullptr);
}

}  // namespace

std::string SourceItems::Describe() const {
  switch (form) {
    case SourceForm::kBatches:
      return absl::StrCat("batch ", first_seq, " of epoch ", epoch);
    case SourceForm::kSampleLists:
      return absl::StrCat("sample list ", first_seq, " of epoch ", epoch);
    case SourceForm::kSamples:
      break;
  }
  auto last = first_seq + static_cast<std::int64_t>(samples.size()) - 1;
  return absl::StrCat("samples ", first_seq, " to ", last, " of epoch ", epoch);
}

BatchInFlight::BatchInFlight(const Shared& shared, std::uint64_t place, SourceItems items, std::vector<Part> parts,
                             std::shared_ptr<Cancellation> cancellation, std::int64_t bytes)
    : shared_(shared),
      place_(place),
      cancellation_(std::move(cancellation)),
      bytes_(bytes),
      items_(std::move(items)),
      requests_(parts.size()),
      replies_(parts.size(), absl::UnknownError("no reply")),
      missing_(parts.size()) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    TeacherRequest& request = requests_[i];
    request.first_row = parts[i].first_row;
    request.rows = parts[i].rows;
    request.trace.item = {items_.epoch, items_.first_seq};
    request.inputs = std::move(parts[i].inputs);
    request.cancellation = cancellation_;
    request.sink = this;
  }
}

void BatchInFlight::Start(std::unique_ptr<BatchInFlight> batch, const std::function<void(TeacherRequest&)>& submit) {
  BatchInFlight* self = batch.release();
  const std::size_t count = self->requests_.size();
  const std::int64_t epoch = self->items_.epoch;
  if (count == 0) return self->Deliver();
  FlowControl& flow = self->shared_.flow;
  for (std::size_t i = 0; i < count; ++i) {  // with the last one, it may be gone
    TeacherRequest& request = self->requests_[i];
    if (flow.AdmitRequest(epoch)) {
      submit(request);
    } else {
      self->Settle(request, absl::CancelledError(flow.stopped() ? "the reader stops" : "the epoch was left"));
    }
  }
}

void BatchInFlight::OnReply(TeacherRequest& request, absl::StatusOr<std::vector<WireTensor>> predictions) {
  shared_.flow.ReleaseRequest();
  Settle(request, std::move(predictions));
}

void BatchInFlight::Settle(TeacherRequest& request, absl::StatusOr<std::vector<WireTensor>> predictions) {
  replies_[&request - requests_.data()] = std::move(predictions);
  request.inputs.clear();  // gRPC has sent them, and the fields have their own hold on the bytes
  if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) Deliver();
}

std::string BatchInFlight::Describe(const TeacherRequest& request) const {
  return absl::StrCat(items_.Describe(), ", rows ", request.first_row, " to ", request.first_row + request.rows - 1);
}

void BatchInFlight::Deliver() {
  std::unique_ptr<BatchInFlight> self(this);
  auto delivery = std::make_unique<Delivery>();
  delivery->epoch = items_.epoch;
  delivery->cancellation = cancellation_;
  delivery->bytes = bytes_;
  auto failed = std::find_if(replies_.begin(), replies_.end(), [](const auto& reply) { return !reply.ok(); });
  if (failed != replies_.end()) {
    delivery->status = failed->status();
  } else {
    delivery->status = Guarded([&] {
      return items_.form == SourceForm::kBatches ? JoinBatch(delivery->batches) : JoinSamples(delivery->batches);
    });
    delivery->status = Annotate(delivery->status, items_.Describe());
  }
  if (!delivery->status.ok()) delivery->kind = Delivery::Kind::kFault;
  ReorderBuffer& buffer = shared_.buffer;
  std::uint64_t place = place_;
  Count(shared_.counters.completed);  // before it can be taken
  self.reset();                       // the student gets nothing that is still being taken down
  buffer.Put(place, std::move(delivery));
}

DistilledBatch BatchInFlight::NewBatch(std::int64_t seq, std::int64_t rows) const {
  DistilledBatch batch;
  batch.epoch = items_.epoch;
  batch.batch_seq = seq;
  batch.rows = rows;
  batch.names = shared_.names;
  return batch;
}

absl::Status BatchInFlight::JoinBatch(std::vector<DistilledBatch>& batches) {
  Fields& fields = items_.samples.front();
  DistilledBatch batch = NewBatch(items_.first_seq, fields.front().rows());
  for (std::size_t p = 0; p < shared_.predictions.size(); ++p) {
    std::vector<const WireTensor*> parts;
    for (const auto& reply : replies_) parts.push_back(&(*reply)[p]);
    EDL_ASSIGN_OR_RETURN(Tensor prediction, parts.empty() ? NoRows(shared_.predictions[p]) : Join(parts));
    batch.predictions.push_back(std::move(prediction));
  }
  batch.fields = std::move(fields);
  batches.push_back(std::move(batch));
  return absl::OkStatus();
}

absl::Status BatchInFlight::JoinSamples(std::vector<DistilledBatch>& batches) {
  std::vector<Fields> predictions(items_.samples.size());
  for (std::size_t r = 0; r < requests_.size(); ++r) {
    for (const WireTensor& reply : *replies_[r]) {
      EDL_ASSIGN_OR_RETURN(Tensor rows, Join({&reply}));
      for (std::int64_t row = 0; row < requests_[r].rows; ++row) {
        EDL_ASSIGN_OR_RETURN(Tensor prediction, rows.Row(row));
        predictions[requests_[r].first_row + row].push_back(std::move(prediction));
      }
    }
  }
  if (items_.form == SourceForm::kSampleLists) {
    DistilledBatch list = NewBatch(items_.first_seq, static_cast<std::int64_t>(predictions.size()));
    for (std::size_t s = 0; s < predictions.size(); ++s) {
      list.samples.push_back({std::move(items_.samples[s]), std::move(predictions[s])});
    }
    batches.push_back(std::move(list));
    return absl::OkStatus();
  }
  for (std::size_t s = 0; s < predictions.size(); ++s) {
    DistilledBatch sample = NewBatch(items_.first_seq + static_cast<std::int64_t>(s), 1);
    sample.fields = std::move(items_.samples[s]);
    sample.predictions = std::move(predictions[s]);
    batches.push_back(std::move(sample));
  }
  return absl::OkStatus();
}

}  // namespace edl
