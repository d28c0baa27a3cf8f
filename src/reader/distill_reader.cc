// SPDX-License-Identifier: Apache-2.0
#include "edl/distill_reader.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/base/thread.h"
#include "src/base/thread_executor.h"
#include "src/dispatch/dispatcher.h"
#include "src/reader/environment.h"
#include "src/reader/flow_control.h"
#include "src/reader/network_share.h"
#include "src/reader/reader_counters.h"
#include "src/reader/reorder_buffer.h"
#include "src/reader/source_loop.h"
#include "src/reader/student_numbers.h"
#include "src/rpc/client_security.h"
#include "src/trace/trace_span.h"

namespace edl {
namespace {

// Teacher requests inside dispatch: what the pending queue is made for. Far beyond what keeps lanes busy.
constexpr std::int64_t kMaxRequests = 4096;

// max_batches_ahead, when it follows the teachers' windows.
// An ordered student passes a slow request by as long as finished batches behind it have room. Eight times the windows
// cover one that takes some sixteen times as long as the others, half of that with windows of a longer network.
constexpr std::int64_t kWindowsAhead = 8;
constexpr std::int64_t kFewestBatchesAhead = 64;
constexpr std::int64_t kMostBatchesAhead = 4096;

std::shared_ptr<const std::vector<std::string>> AllNames(const ReaderOptions& options) {
  auto names = std::make_shared<std::vector<std::string>>(options.fields);
  for (const std::string& prediction : options.predictions) {
    names->push_back(prediction);
    auto how = options.compression.predictions.find(prediction);
    if (how == options.compression.predictions.end() || how->second.top_k == 0) continue;
    names->push_back(TopKIndexName(prediction));
    names->push_back(TopKRestName(prediction));
  }
  return names;
}

TeacherClientFactory ConnectBy(const ReaderOptions& options, std::shared_ptr<const ClientSecurity> security) {
  const int channels = std::min(options.channels, options.window);
  TeacherClientOptions client{options.shared_memory, options.arena, options.compression, channels, std::move(security)};
  client.max_reply_bytes = static_cast<int>(options.max_reply_bytes);
  return [client](const std::string& endpoint) { return NewGrpcTeacherClient(endpoint, client); };
}

class DistillReaderImpl final : public DistillReader {
 public:
  DistillReaderImpl(std::unique_ptr<BatchSource> source, std::unique_ptr<TeacherWatcher> teachers,
                    ReaderOptions options, std::shared_ptr<const ClientSecurity> security,
                    std::unique_ptr<TraceRecorder> trace)
      : trace_(std::move(trace)),
        options_(std::move(options)),
        source_(std::move(source)),
        flow_(options_.max_batches_ahead > 0 ? options_.max_batches_ahead : kFewestBatchesAhead,
              static_cast<std::int64_t>(options_.max_bytes_ahead), kMaxRequests, trace_.get()),
        buffer_(options_.ordered, std::max(options_.max_batches_ahead, kMostBatchesAhead), trace_.get()),
        executor_("edl-control"),
        dispatcher_(
            options_, executor_, ConnectBy(options_, std::move(security)), kMaxRequests,
            [this](std::int64_t windows) { OnWindow(windows); }, LaneTable::kCapacity, trace_.get()),
        loop_(options_, *source_, dispatcher_, flow_, buffer_, counters_, AllNames(options_), executor_, trace_.get()),
        teachers_(std::move(teachers)) {}

  ~DistillReaderImpl() override;

  // The rest of Create: what can fail, and what must not run before everything stands.
  absl::Status Begin() {
    teachers_->SetMaxTeachers(options_.max_teachers);
    teachers_->SetNumbers([this] { return numbers_.ToJson(Stats()); });
    EDL_RETURN_IF_ERROR(
        Guarded([this] { return teachers_->Start([this](const TeacherSet& set) { dispatcher_.SetTeachers(set); }); }));
    source_thread_ = Thread("edl-source", [this] { loop_.Run(); });
    if (options_.stats_log_interval.count() > 0) LogStatsAfter(Stats());
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<DistilledBatch>> Next() override;
  void LeaveEpoch() override;
  void Shutdown() override { Stop(absl::CancelledError("the reader was shut down")); }
  ReaderStats Stats() const override;
  void NoteStudent(StudentState state) override {
    dispatcher_.wait_ledger().NoteStudentBehind(
        state == StudentState::kWaits ? WaitLedger::Student::kWaits : WaitLedger::Student::kWorks, executor_.Now());
  }
  std::string ConfigString() const override {
    return absl::StrCat(options_.ToString(), "teachers = ", teachers_->ToString(), "\n");
  }

 private:
  void OnWindow(std::int64_t windows) {
    if (options_.max_batches_ahead == 0) flow_.RaiseBatches(std::min(kWindowsAhead * windows, kMostBatchesAhead));
  }

  void LogStatsAfter(ReaderStats last);
  void Stop(const absl::Status& why);
  absl::Status Fail(const absl::Status& why);
  absl::StatusOr<std::optional<DistilledBatch>> Read();
  std::unique_ptr<Delivery> Take();
  DistilledBatch Yield();
  void Drop(std::unique_ptr<Delivery> delivery);
  void BeginNextEpoch();

  const std::unique_ptr<TraceRecorder> trace_;  // or null; goes last
  const ReaderOptions options_;
  const std::unique_ptr<BatchSource> source_;

  // Self-synchronised. The order is that of use: each uses only what stands above it.
  ReaderCounters counters_;
  FlowControl flow_;
  ReorderBuffer buffer_;
  ThreadExecutor executor_;
  Dispatcher dispatcher_;
  SourceLoop loop_;
  StudentNumbers numbers_;  // the watcher's alone
  std::unique_ptr<TeacherWatcher> teachers_;
  Thread source_thread_;
  std::atomic<bool> stopped_{false};  // written by Stop, read by the student's thread

  // The student's thread alone.
  absl::Status sticky_;
  std::int64_t epoch_ = 0;
  bool in_epoch_ = false;              // has Next() given a batch of `epoch_`?
  std::unique_ptr<Delivery> current_;  // batches of it are still to be yielded
  std::size_t next_in_current_ = 0;
  std::int64_t taken_ = 0;                       // deliveries of `epoch_` so far
  std::unique_ptr<Delivery> end_;                // of `epoch_`, once it has come
  std::deque<std::unique_ptr<Delivery>> later_;  // of later epochs, which overtook; a failed end of one that was left
  std::shared_ptr<Cancellation> cancellation_;   // of `epoch_`, while in it
  std::optional<TraceSpan> step_;                // what the student does between two calls of Next()
};

absl::StatusOr<std::optional<DistilledBatch>> DistillReaderImpl::Next() {
  step_.reset();
  absl::StatusOr<std::optional<DistilledBatch>> batch = Read();
  if (batch.ok() && batch->has_value()) {
    step_.emplace(trace_.get(), TraceEvent::Kind::kStep, TraceItem{(*batch)->epoch, (*batch)->batch_seq});
  } else if (batch.ok()) {
    step_.emplace(trace_.get(), TraceEvent::Kind::kBetweenEpochs, TraceItem{epoch_});
  }
  return batch;
}

absl::StatusOr<std::optional<DistilledBatch>> DistillReaderImpl::Read() {
  if (!sticky_.ok()) return sticky_;
  if (options_.num_epochs > 0 && epoch_ == options_.num_epochs) return std::optional<DistilledBatch>();
  flow_.AskFor(epoch_);
  while (true) {
    if (current_ != nullptr) return Yield();
    if (end_ != nullptr && taken_ == end_->before_end) {
      if (!end_->status.ok()) return Fail(end_->status);
      BeginNextEpoch();
      return std::optional<DistilledBatch>();
    }
    std::unique_ptr<Delivery> delivery = Take();
    if (delivery == nullptr) return Fail(absl::CancelledError("the reader was shut down"));
    const bool failed_end = delivery->kind == Delivery::Kind::kEnd && !delivery->status.ok();
    if (failed_end && delivery->epoch < epoch_) {
      return Fail(delivery->status);  // an epoch that was left, but the source's thread has ended with it
    } else if (delivery->epoch < epoch_) {
      Drop(std::move(delivery));
    } else if (delivery->epoch > epoch_) {
      later_.push_back(std::move(delivery));
    } else if (delivery->kind == Delivery::Kind::kFault) {
      return Fail(delivery->status);
    } else if (delivery->kind == Delivery::Kind::kEnd) {
      flow_.ReleaseBatch(delivery->bytes);
      end_ = std::move(delivery);
    } else {
      ++taken_;
      Count(counters_.taken);
      in_epoch_ = true;
      cancellation_ = delivery->cancellation;
      current_ = std::move(delivery);
    }
  }
}

DistilledBatch DistillReaderImpl::Yield() {
  DistilledBatch batch = std::move(current_->batches[next_in_current_++]);
  Count(counters_.rows, batch.rows);
  if (next_in_current_ == current_->batches.size()) {
    flow_.ReleaseBatch(current_->bytes);
    current_.reset();
    next_in_current_ = 0;
  }
  return batch;
}

std::unique_ptr<Delivery> DistillReaderImpl::Take() {
  if (stopped_.load(std::memory_order_seq_cst)) return nullptr;
  auto mine = std::find_if(later_.begin(), later_.end(), [&](const auto& later) { return later->epoch <= epoch_; });
  if (mine != later_.end()) {
    std::unique_ptr<Delivery> delivery = std::move(*mine);
    later_.erase(mine);
    return delivery;
  }
  if (std::unique_ptr<Delivery> delivery = buffer_.TryTake()) return delivery;
  TraceSpan span(trace_.get(), TraceEvent::Kind::kNextWaits, {epoch_});
  dispatcher_.NoteStudentWaits(executor_.Now());
  std::unique_ptr<Delivery> delivery = buffer_.Take();
  dispatcher_.NoteStudentWaits(std::nullopt);
  return delivery;
}

void DistillReaderImpl::Drop(std::unique_ptr<Delivery> delivery) {
  if (delivery->kind != Delivery::Kind::kEnd) {
    Count(counters_.taken);
    Count(counters_.dropped);
  }
  flow_.ReleaseBatch(delivery->bytes);
}

void DistillReaderImpl::LeaveEpoch() {
  if (!in_epoch_ || !sticky_.ok()) return;
  cancellation_->Cancel();
  flow_.Leave(epoch_);
  if (current_ != nullptr) flow_.ReleaseBatch(current_->bytes);
  current_.reset();
  next_in_current_ = 0;
  dispatcher_.Cancel(*cancellation_);
  if (end_ != nullptr && !end_->status.ok()) later_.push_back(std::move(end_));  // for the next Next()
  BeginNextEpoch();
}

void DistillReaderImpl::BeginNextEpoch() {
  ++epoch_;
  in_epoch_ = false;
  taken_ = 0;
  end_.reset();
  cancellation_.reset();
}

absl::Status DistillReaderImpl::Fail(const absl::Status& why) {
  sticky_ = why;
  Stop(why);
  return sticky_;
}

ReaderStats DistillReaderImpl::Stats() const {
  ReaderStats stats;
  stats.student = dispatcher_.wait_ledger().Account(executor_.Now());
  stats.wall = stats.student.busy + stats.student.waited();
  counters_.AddTo(stats);
  dispatcher_.AddStats(stats);
  PartNetwork(stats);
  return stats;
}

void DistillReaderImpl::LogStatsAfter(ReaderStats last) {
  executor_.PostAt(executor_.Now() + options_.stats_log_interval, [this, last = std::move(last)] {
    ReaderStats now = Stats();
    const ReaderStats since = now.Since(last);
    Log().info("{} rows in {} s; {}", since.rows, options_.stats_log_interval.count(), since.Advice());
    LogStatsAfter(std::move(now));
  });
}

// Shutting down, in order. Stop() is all that may be done while others still use the reader; the destructor does the
// rest.
void DistillReaderImpl::Stop(const absl::Status& why) {
  stopped_.store(true, std::memory_order_seq_cst);
  flow_.Stop();           // 1. the source's thread waits for nothing more,
  dispatcher_.Fail(why);  // 2. every request is finished or its call cancelled, no probe is started,
  buffer_.Close();        // 3. a waiting Next() returns.
}

DistillReaderImpl::~DistillReaderImpl() {
  Shutdown();
  teachers_.reset();        // 4. no more news of teachers;
  source_thread_.Join();    // 5. no more requests (this waits for the user's source, if it is inside it);
  executor_.Shutdown();     // 6. no more control tasks: nobody is left who could start a call or a probe;
  dispatcher_.AwaitIdle();  // 7. gRPC has called back for the last time. What was never taken goes with the buffer.
  step_.reset();            // 8. Nothing more happens: the trace's file ends, with its recorder.
}

}  // namespace

absl::StatusOr<std::unique_ptr<DistillReader>> DistillReader::Create(std::unique_ptr<BatchSource> source,
                                                                     std::unique_ptr<TeacherWatcher> teachers,
                                                                     ReaderOptions options) {
  EDL_RETURN_IF_ERROR(ApplyEnvironment(ProcessEnvironment(), options, teachers));
  if (source == nullptr) return absl::InvalidArgumentError("source is null; see FromBatches in edl/batch_source.h");
  if (teachers == nullptr) return absl::InvalidArgumentError("teachers is null; see FixedTeachers in edl/teachers.h");
  EDL_RETURN_IF_ERROR(options.Validate());
  EDL_ASSIGN_OR_RETURN(std::shared_ptr<const ClientSecurity> security,
                       ClientSecurity::Create({options.tls, options.token_file, options.allow_token_over_plain_tcp}));
  std::unique_ptr<TraceRecorder> trace;
  if (!options.trace_file.empty()) {
    EDL_ASSIGN_OR_RETURN(trace, TraceRecorder::Start(options.trace_file, options.trace_max_bytes));
    options.trace_file = trace != nullptr ? trace->path() : "";
  }
  auto reader = std::make_unique<DistillReaderImpl>(std::move(source), std::move(teachers), std::move(options),
                                                    std::move(security), std::move(trace));
  EDL_RETURN_IF_ERROR(reader->Begin());
  Log().info("distilling with\n{}", reader->ConfigString());
  return std::unique_ptr<DistillReader>(std::move(reader));
}

}  // namespace edl
