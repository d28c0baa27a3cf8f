// SPDX-License-Identifier: Apache-2.0
#include "src/trace/trace_recorder.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"

namespace edl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kTooSlow[] = "the thread that writes it cannot keep up";
constexpr std::chrono::milliseconds kTurn{50};
constexpr std::size_t kFewestWaiting = 4096;
constexpr std::size_t kWriteAtOnce = 256 * 1024;
// Kept free for why the recording stopped and for the closing bracket.
constexpr std::size_t kReserve = 512;

// Of which there are two lists, one being filled and one being written.
std::size_t MostWaiting(std::size_t max_bytes) {
  return std::max(kFewestWaiting, max_bytes / (4 * sizeof(TraceEvent)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TraceRecorder>> TraceRecorder::Start(const std::string& path, std::size_t max_bytes) {
  absl::StatusOr<std::unique_ptr<TraceFile>> file = TraceFile::Open(path);
  if (file.status().code() == absl::StatusCode::kResourceExhausted) {
    Log().warn("this reader is not traced: {}", std::string(file.status().message()));
    return nullptr;
  }
  if (!file.ok()) return file.status();
  return std::unique_ptr<TraceRecorder>(new TraceRecorder(*std::move(file), max_bytes));
}

TraceRecorder::TraceRecorder(std::unique_ptr<TraceFile> file, std::size_t max_bytes)
    : file_(std::move(file)),
      max_bytes_(max_bytes),
      most_waiting_(MostWaiting(max_bytes)),
      json_(Clock::now()),
      text_(TraceJson::Head()) {
  waiting_.reserve(most_waiting_);
  drained_.reserve(most_waiting_);
  thread_ = Thread("edl-trace", [this] { Write(); });
}

TraceRecorder::~TraceRecorder() {
  {
    MutexLock lock(mu_);
    ends_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

void TraceRecorder::Record(const TraceEvent& event) {
  if (!recording()) return;
  bool kept;
  {
    MutexLock lock(mu_);
    kept = Keep(event);
  }
  if (!kept) Stop(kTooSlow);
}

void TraceRecorder::CountReady(int change) {
  if (!recording()) return;
  TraceEvent event;
  event.kind = TraceEvent::Kind::kReady;
  bool kept;
  {
    MutexLock lock(mu_);
    event.from = Clock::now();  // under the lock: the numbers are in the order of their times
    event.ready = ready_ += change;
    kept = Keep(event);
  }
  if (!kept) Stop(kTooSlow);
}

bool TraceRecorder::Keep(const TraceEvent& event) {
  if (waiting_.size() == most_waiting_) return false;
  waiting_.push_back(event);
  return true;
}

int TraceRecorder::TeacherNumber(const std::string& endpoint) {
  MutexLock lock(mu_);
  auto [teacher, is_new] = teachers_.emplace(endpoint, static_cast<int>(teachers_.size()));
  if (is_new) new_teachers_ += TraceJson::Teacher(teacher->second, endpoint);
  return teacher->second;
}

void TraceRecorder::Stop(const std::string& why) {
  if (!recording_.exchange(false, std::memory_order_relaxed)) return;
  {
    MutexLock lock(mu_);
    stopped_ = why;
    stopped_at_ = Clock::now();
  }
  Log().warn("the trace {} is not recorded any further: {}; it holds all that came before", path(), why);
}

void TraceRecorder::Write() {
  Flush();  // the beginning, without which the rest would be nothing
  while (AwaitTurn()) Drain();
  Drain();
  End();
}

// False: the end has come.
bool TraceRecorder::AwaitTurn() {
  const TimePoint turn = Clock::now() + kTurn;
  MutexLock lock(mu_);
  while (!ends_ && full_) changed_.Wait(mu_);
  while (!ends_ && Clock::now() < turn) changed_.WaitUntil(mu_, turn);
  return !ends_;
}

void TraceRecorder::Drain() {
  drained_.clear();
  std::string teachers;
  {
    MutexLock lock(mu_);
    drained_.swap(waiting_);
    teachers.swap(new_teachers_);
  }
  Add(teachers);
  for (const TraceEvent& event : drained_) {
    if (full_) return;
    lines_.clear();
    json_.Append(event, lines_);
    Add(lines_);
  }
  Flush();
}

void TraceRecorder::Add(const std::string& lines) {
  full_ = full_ || file_->size() + text_.size() + lines.size() + kReserve > max_bytes_;
  if (full_) return Stop(absl::StrCat("it has reached trace_max_bytes, ", max_bytes_));
  text_ += lines;
  if (text_.size() >= kWriteAtOnce) Flush();
}

void TraceRecorder::Flush() {
  absl::Status written = file_->Append(text_);
  text_.clear();
  if (written.ok()) return;
  full_ = true;
  Stop(std::string(written.message()));
}

void TraceRecorder::End() {
  if (file_->size() == 0) return;
  {
    MutexLock lock(mu_);
    if (!stopped_.empty()) text_ += json_.Stopped(stopped_at_, stopped_);
  }
  text_ += TraceJson::Tail();
  Flush();
}

}  // namespace edl
