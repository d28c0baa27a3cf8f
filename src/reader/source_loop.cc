// SPDX-License-Identifier: Apache-2.0
#include "src/reader/source_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"
#include "src/trace/trace_span.h"

namespace edl {
namespace {

std::int64_t ByteSize(const SampleList& samples) {
  std::size_t size = 0;
  for (const Fields& sample : samples) {
    for (const Tensor& field : sample) size += field.byte_size();
  }
  return static_cast<std::int64_t>(size);
}

}  // namespace

SourceLoop::SourceLoop(const ReaderOptions& options, BatchSource& source, Dispatcher& dispatcher, FlowControl& flow,
                       ReorderBuffer& buffer, ReaderCounters& counters,
                       std::shared_ptr<const std::vector<std::string>> names, const Executor& clock,
                       TraceRecorder* trace)
    : options_(options),
      source_(source),
      dispatcher_(dispatcher),
      flow_(flow),
      buffer_(buffer),
      counters_(counters),
      names_(std::move(names)),
      clock_(clock),
      trace_(trace) {}

void SourceLoop::Run() {
  for (std::int64_t number = 0; options_.num_epochs == 0 || number < options_.num_epochs; ++number) {
    NoteSource(WaitLedger::Source::kHasEnded);  // until the student asks for the next epoch
    if (!source_.read_ahead() && !flow_.AwaitAsked(number)) return;
    NoteSource(WaitLedger::Source::kWorks);
    Epoch epoch{number, std::make_shared<Cancellation>()};
    absl::Status status = Guarded([&] { return RunEpoch(epoch); });
    if (flow_.stopped()) return;
    DeliverEnd(epoch, status);
    if (!status.ok()) break;
  }
  NoteSource(WaitLedger::Source::kHasEnded);
}

absl::Status SourceLoop::RunEpoch(Epoch& epoch) {
  group_.clear();
  absl::Status begun = Guarded([&] { return source_.StartEpoch(epoch.number); });
  if (!begun.ok()) return Annotate(begun, absl::StrCat("the source could not start epoch ", epoch.number));
  while (Wanted(epoch)) {
    absl::StatusOr<std::optional<SampleList>> item = Pull(epoch);
    if (!item.ok()) {
      EDL_RETURN_IF_ERROR(StartGroup(epoch));
      return Annotate(item.status(),
                      absl::StrCat("the source failed at item ", epoch.next_seq, " of epoch ", epoch.number));
    }
    if (!item->has_value()) break;
    Count(counters_.pulled);
    EDL_RETURN_IF_ERROR(Accept(epoch, **std::move(item)));
    Count(counters_.split);
  }
  return StartGroup(epoch);
}

absl::StatusOr<std::optional<SampleList>> SourceLoop::Pull(const Epoch& epoch) {
  TraceSpan span(trace_, TraceEvent::Kind::kPull, {epoch.number, epoch.next_seq});
  TimePoint from = clock_.Now();
  auto item = Guarded([&] { return source_.Next(); });
  // Teachers waited for the source while it worked, from when the first of them had nothing to do.
  if (std::optional<TimePoint> idle = dispatcher_.idle_since()) {
    TimePoint now = clock_.Now();
    CountTime(counters_.teachers_waited_ns, std::max(now - std::max(from, *idle), TimePoint::duration::zero()));
  }
  return item;
}

absl::Status SourceLoop::Accept(Epoch& epoch, SampleList item) {
  const std::int64_t seq = epoch.next_seq++;
  if (source_.form() != SourceForm::kSamples) {
    return Start(epoch, {source_.form(), epoch.number, seq, std::move(item)});
  }
  if (group_.empty()) group_since_ = clock_.Now();
  std::move(item.begin(), item.end(), std::back_inserter(group_));
  return GroupIsDue() ? StartGroup(epoch) : absl::OkStatus();
}

bool SourceLoop::GroupIsDue() const {
  if (static_cast<std::int64_t>(group_.size()) >= options_.teacher_batch_rows) return true;
  return clock_.Now() - group_since_ > options_.max_group_age && dispatcher_.idle_since().has_value();
}

absl::Status SourceLoop::StartGroup(Epoch& epoch) {
  if (group_.empty()) return absl::OkStatus();
  const auto size = static_cast<std::int64_t>(group_.size());
  return Start(epoch, {SourceForm::kSamples, epoch.number, epoch.next_seq - size, std::exchange(group_, {})});
}

absl::Status SourceLoop::Start(Epoch& epoch, SourceItems items) {
  if (!shared_) {
    TraceSpan span(trace_, TraceEvent::Kind::kFirstTeacher, {items.epoch, items.first_seq});
    EDL_ASSIGN_OR_RETURN(std::shared_ptr<const ModelBinding> binding, dispatcher_.AwaitBinding());
    splitter_.emplace(options_.fields, options_.teacher_batch_rows, binding);
    shared_.emplace(BatchInFlight::Shared{buffer_, flow_, counters_, binding->predictions(), names_});
  }
  absl::StatusOr<std::vector<Part>> parts = Guarded([&] { return Split(items); });
  if (!parts.ok()) return Annotate(parts.status(), items.Describe());
  std::int64_t bytes = ByteSize(items.samples);
  if (!AdmitBatch(epoch.number, bytes)) return absl::OkStatus();
  ++epoch.deliveries;
  BatchInFlight::Start(std::make_unique<BatchInFlight>(*shared_, buffer_.Place(), std::move(items), *std::move(parts),
                                                       epoch.cancellation, bytes),
                       [this](TeacherRequest& request) { dispatcher_.Submit(request); });
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Part>> SourceLoop::Split(const SourceItems& items) {
  TraceSpan span(trace_, TraceEvent::Kind::kSplit, {items.epoch, items.first_seq});
  if (items.form != SourceForm::kBatches) return splitter_->SplitSamples(items.samples);
  if (items.samples.size() == 1) return splitter_->SplitBatch(items.samples.front());
  return absl::InternalError(absl::StrCat("a source of batches gave ", items.samples.size(), " at a time"));
}

void SourceLoop::DeliverEnd(const Epoch& epoch, const absl::Status& status) {
  auto end = std::make_unique<Delivery>();
  // The student waits for no end of an epoch that it left; of a failure it must hear all the same, since nothing comes
  // after it. It cannot leave the epoch after this one, so that one's admission is refused only when the reader stops.
  if (!AdmitBatch(status.ok() ? epoch.number : epoch.number + 1, end->bytes)) return;
  end->kind = Delivery::Kind::kEnd;
  end->epoch = epoch.number;
  end->cancellation = epoch.cancellation;
  end->before_end = epoch.deliveries;
  end->status = status;
  buffer_.Put(buffer_.Place(), std::move(end));
}

bool SourceLoop::AdmitBatch(std::int64_t epoch, std::int64_t& bytes) {
  const TimePoint from = clock_.Now();
  dispatcher_.wait_ledger().NoteSource(WaitLedger::Source::kIsHeld, from);
  const bool admitted = flow_.AdmitBatch(epoch, bytes);
  const TimePoint now = clock_.Now();
  dispatcher_.wait_ledger().NoteSource(WaitLedger::Source::kWorks, now);
  CountTime(counters_.source_waited_ns, now - from);
  return admitted;
}

void SourceLoop::NoteSource(WaitLedger::Source source) {
  dispatcher_.wait_ledger().NoteSource(source, clock_.Now());
}

}  // namespace edl
