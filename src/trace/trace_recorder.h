// SPDX-License-Identifier: Apache-2.0
// TraceRecorder: takes down what a reader does and writes it to a file meanwhile.
// Place: each stage of the reader notes its events here; the thread "edl-trace" says them in JSON (trace_json.h) and
//        writes them, twenty times a second. Who traces nothing has none: a null pointer, and a test of it an event.
// Rules: the file stays within its bytes, and what waits for the thread within half as many (or 1 MiB, if that is
//        more). What would exceed either ends the recording, for good; the log and the file say so, and the file holds
//        all that came before. It ends properly with this object; of a process that is killed it has what was written
//        by then, whole lines.
// Errors: INVALID_ARGUMENT - the file cannot be written. Later faults (a full disk) end the recording and are logged.
// Thread-safety: any thread.
// Cost: an event takes one lock for the moment that it takes to copy it. After the recording, one relaxed load.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "src/trace/trace_event.h"
#include "src/trace/trace_file.h"
#include "src/trace/trace_json.h"

namespace edl {

class TraceRecorder {
 public:
  // `path`: see TraceFile. `max_bytes`: kFewestBytes or more. Null, and a warning in the log, when all names of the
  // file are taken: a trace is not worth a training.
  static absl::StatusOr<std::unique_ptr<TraceRecorder>> Start(const std::string& path, std::size_t max_bytes);
  static constexpr std::int64_t kFewestBytes = 4096;

  // Nobody records any more.
  ~TraceRecorder();

  // Where it writes: not `path` when that is another's.
  const std::string& path() const { return file_->path(); }

  // False from the moment when nothing more is taken down: who has work with an event need not do it.
  bool recording() const { return recording_.load(std::memory_order_relaxed); }

  void Record(const TraceEvent& event);

  // That many more batches are finished and not taken: 1 before one is put into the ring, -1 after it is taken.
  void CountReady(int change);

  // What attempts call this teacher: the same number for an endpoint that comes again.
  int TeacherNumber(const std::string& endpoint);

 private:
  TraceRecorder(std::unique_ptr<TraceFile> file, std::size_t max_bytes);
  bool Keep(const TraceEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Stop(const std::string& why);
  void Write();
  bool AwaitTurn();
  void Drain();
  void Add(const std::string& lines);
  void Flush();
  void End();

  const std::unique_ptr<TraceFile> file_;  // the writing thread's, but for its path
  const std::size_t max_bytes_;
  const std::size_t most_waiting_;

  // Cleared by who ends the recording; read by all, relaxed: an event more or less does no harm.
  std::atomic<bool> recording_{true};

  Mutex mu_;
  CondVar changed_;
  std::vector<TraceEvent> waiting_ ABSL_GUARDED_BY(mu_);  // most_waiting_ of them at most: it never grows
  std::int64_t ready_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, int> teachers_ ABSL_GUARDED_BY(mu_);
  std::string new_teachers_ ABSL_GUARDED_BY(mu_);  // lines that are still to be written, before waiting_'s
  bool ends_ ABSL_GUARDED_BY(mu_) = false;
  std::string stopped_ ABSL_GUARDED_BY(mu_);  // why; empty: it is not
  TimePoint stopped_at_ ABSL_GUARDED_BY(mu_);

  // The writing thread's alone.
  TraceJson json_;
  bool full_ = false;  // nothing more goes into the file but its end
  std::string text_;   // is still to be written
  std::string lines_;
  std::vector<TraceEvent> drained_;

  Thread thread_;  // started when the rest stands
};

}  // namespace edl
