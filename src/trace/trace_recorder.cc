// SPDX-License-Identifier: Apache-2.0
#include "src/trace/trace_recorder.h"

#include <algorithm>
#include <chrono>

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

}  // namespace

absl::StatusOr<std::unique_ptr<TraceRecorder>> TraceRecorder::Start(const std::string& path, std::size_t max_bytes) {
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<TraceFile> file, TraceFile::Open(path));
  return std::unique_ptr<TraceRecorder>(new TraceRecorder(std::move(file), max_bytes));
}

TraceRecorder::TraceRecorder(std::unique_ptr<TraceFile> file, std::size_t max_bytes)
    : file_(std::move(file)),
      max_bytes_(max_bytes),
      most_waiting_(std::max(kFewestWaiting, max_bytes / (kShares * sizeof(TraceEvent)))),
      json_(Clock::now()),
      text_(TraceJson::Head()),
      thread_("edl-trace", [this] { Write(); }) {}

TraceRecorder::~TraceRecorder() {
  {
    MutexLock lock(mu_);
    ends_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

TraceRecorder::Share& TraceRecorder::OwnShare() {
  static std::atomic<std::size_t> threads{0};  // raised by each thread, once
  static thread_local const std::size_t thread = threads.fetch_add(1, std::memory_order_relaxed);
  return shares_[thread % kShares];
}

void TraceRecorder::Record(const TraceEvent& event) {
  if (!recording_.load(std::memory_order_relaxed)) return;
  Share& share = OwnShare();
  bool kept;
  {
    MutexLock lock(share.mu);
    kept = Keep(event, share);
  }
  if (!kept) Stop(kTooSlow);
}

void TraceRecorder::CountReady(int change) {
  if (!recording_.load(std::memory_order_relaxed)) return;
  TraceEvent event;
  event.kind = TraceEvent::Kind::kReady;
  bool kept;
  {
    MutexLock lock(ready_share_.mu);
    event.from = Clock::now();
    event.ready = ready_ += change;
    kept = Keep(event, ready_share_);
  }
  if (!kept) Stop(kTooSlow);
}

bool TraceRecorder::Keep(const TraceEvent& event, Share& share) {
  if (share.events.size() >= most_waiting_) return false;
  share.events.push_back(event);
  return true;
}

int TraceRecorder::TeacherNumber(const std::string& endpoint) {
  MutexLock lock(teachers_mu_);
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
  while (AwaitTurn()) Drain();
  Drain();
  End();
}

// False: the end has come.
bool TraceRecorder::AwaitTurn() {
  const TimePoint turn = Clock::now() + kTurn;
  MutexLock lock(mu_);
  while (!ends_ && Clock::now() < turn) changed_.WaitUntil(mu_, turn);
  return !ends_;
}

void TraceRecorder::Drain() {
  for (Share& share : shares_) DrainShare(share);
  DrainShare(ready_share_);
  Flush();
}

void TraceRecorder::DrainShare(Share& share) {
  drained_.clear();
  {
    MutexLock lock(share.mu);
    drained_.swap(share.events);
  }
  std::string teachers;  // those of these events are among them, or have been before
  {
    MutexLock lock(teachers_mu_);
    teachers.swap(new_teachers_);
  }
  Add(teachers);
  for (const TraceEvent& event : drained_) {
    if (full_) return;
    lines_.clear();
    json_.Append(event, lines_);
    Add(lines_);
  }
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
  {
    MutexLock lock(mu_);
    if (!stopped_.empty()) text_ += json_.Stopped(stopped_at_, stopped_);
  }
  text_ += TraceJson::Tail();
  Flush();
}

}  // namespace edl
