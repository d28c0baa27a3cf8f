// SPDX-License-Identifier: Apache-2.0
// SourceLoop: pulls the user's source, epoch after epoch, and starts what it gives on its way to the teachers.
// Place: the body of the reader's source thread; the only caller of the BatchSource.
// Rules: the end of an epoch is no barrier: where the source allows it, the next one is begun at once. An epoch that is
//        left is pulled no further. Nothing is pulled while FlowControl holds a batch back.
// Errors: what the source, or the splitter, says ends the loop and is delivered after every batch before it, whether or
//         not its epoch has been left.
// Thread-safety: Run by one thread. All that is referred to outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "edl/batch_source.h"
#include "edl/options.h"
#include "src/base/executor.h"
#include "src/dispatch/dispatcher.h"
#include "src/reader/batch_in_flight.h"
#include "src/reader/reader_counters.h"
#include "src/reader/splitter.h"

namespace edl {

class SourceLoop {
 public:
  SourceLoop(const ReaderOptions& options, BatchSource& source, Dispatcher& dispatcher, FlowControl& flow,
             ReorderBuffer& buffer, ReaderCounters& counters, std::shared_ptr<const std::vector<std::string>> names,
             const Executor& clock, TraceRecorder* trace);

  // Until the source fails, num_epochs are through, or the reader stops.
  void Run();

 private:
  struct Epoch {
    std::int64_t number;
    std::shared_ptr<Cancellation> cancellation;
    std::int64_t next_seq = 0;    // of the next item
    std::int64_t deliveries = 0;  // started so far
  };

  bool Wanted(const Epoch& epoch) const { return !flow_.stopped() && !flow_.left(epoch.number); }
  absl::Status RunEpoch(Epoch& epoch);
  absl::StatusOr<std::optional<SampleList>> Pull(const Epoch& epoch);
  absl::Status Accept(Epoch& epoch, SampleList item);
  absl::Status StartGroup(Epoch& epoch);
  bool GroupIsDue() const;
  absl::Status Start(Epoch& epoch, SourceItems items);
  absl::StatusOr<std::vector<Part>> Split(const SourceItems& items);
  void DeliverEnd(const Epoch& epoch, const absl::Status& status);
  bool AdmitBatch(std::int64_t epoch, std::int64_t& bytes);
  void NoteSource(WaitLedger::Source source);

  const ReaderOptions& options_;
  BatchSource& source_;
  Dispatcher& dispatcher_;
  FlowControl& flow_;
  ReorderBuffer& buffer_;
  ReaderCounters& counters_;
  const std::shared_ptr<const std::vector<std::string>> names_;
  const Executor& clock_;
  TraceRecorder* const trace_;  // or null

  // Once the teachers' model is known, which the first batch waits for.
  std::optional<Splitter> splitter_;
  std::optional<BatchInFlight::Shared> shared_;

  // A source of samples: the group that is being filled, and since when.
  SampleList group_;
  TimePoint group_since_;
};

}  // namespace edl
