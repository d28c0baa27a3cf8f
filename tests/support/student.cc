// SPDX-License-Identifier: Apache-2.0
#include "tests/support/student.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace edl::test {
namespace {

using Clock = std::chrono::steady_clock;

// `teachers`, once.
Student::WatchTeachers Only(std::unique_ptr<TeacherWatcher> teachers) {
  auto only = std::make_shared<std::unique_ptr<TeacherWatcher>>(std::move(teachers));
  return [only] { return std::move(*only); };
}

}  // namespace

Student::Student(std::unique_ptr<TeacherWatcher> teachers, ReaderOptions options, RowPlan plan)
    : Student(Only(std::move(teachers)), std::move(options), std::move(plan), {}) {}

Student::Student(WatchTeachers watch, ReaderOptions options, RowPlan plan, StudentHabits habits)
    : watch_(std::move(watch)),
      options_(std::move(options)),
      habits_(std::move(habits)),
      reader_(NewReader(SourceOf(plan), watch_(), options_)),
      ledger_(std::move(plan), options_.ordered) {
  thread_ = Thread("test-student", [this] { Live(); });
}

Student::~Student() {
  stop_ = true;
  {
    MutexLock lock(mu_);
    if (reader_ != nullptr) reader_->Shutdown();
  }
  thread_.Join();
}

void Student::Live() {
  DistillReader* reader;
  {
    MutexLock lock(mu_);
    reader = reader_.get();
  }
  while (Read(*reader) && !stop_) {
    std::unique_ptr<DistillReader> old;
    RowPlan plan;
    {
      MutexLock lock(mu_);
      old = std::move(reader_);
      ledger_.BeginReader();
      plan = ledger_.plan();
    }
    old.reset();
    std::unique_ptr<DistillReader> anew = NewReader(SourceOf(plan), watch_(), options_);
    reader = anew.get();
    MutexLock lock(mu_);
    reader_ = std::move(anew);
    remake_ = false;
  }
  MutexLock lock(mu_);
  ended_ = true;
}

// True: until another reader is wanted. False: to the end of all reading.
bool Student::Read(DistillReader& reader) {
  while (true) {
    if (habits_.before) habits_.before();
    if (stop_) return false;
    const Clock::time_point asked = Clock::now();
    absl::StatusOr<std::optional<DistilledBatch>> batch = reader.Next();
    const std::chrono::nanoseconds gap = Clock::now() - asked;
    if (stop_) return false;
    const bool leaves = batch.ok() && batch->has_value() && habits_.leaves && habits_.leaves();
    if (leaves) reader.LeaveEpoch();
    MutexLock lock(mu_);
    if (remake_ && absl::IsCancelled(batch.status())) return true;
    longest_gap_ = std::max(longest_gap_, gap);
    if (!batch.ok()) {
      ADD_FAILURE() << batch.status();
    } else if (batch->has_value()) {
      ledger_.Count(**batch);
      if (leaves) ledger_.LeaveEpoch();
    } else {
      ledger_.EndEpoch();
    }
    if (!ledger_.totals().clean()) ADD_FAILURE() << ledger_.totals().ToString() << "; " << ledger_.complaint();
    if (!batch.ok() || !ledger_.totals().clean()) return false;
  }
}

ReaderStats Student::stats() const {
  MutexLock lock(mu_);
  return reader_ != nullptr ? reader_->Stats() : ReaderStats();
}

void Student::RemakeReader() {
  MutexLock lock(mu_);
  if (reader_ == nullptr) return;  // just being remade
  remake_ = true;
  reader_->Shutdown();
}

RowTotals Student::totals() const {
  MutexLock lock(mu_);
  return ledger_.totals();
}

LaneStats Student::lane(const std::string& endpoint) const {
  for (const LaneStats& lane : stats().lanes) {
    if (lane.endpoint == endpoint) return lane;
  }
  return {};
}

std::chrono::nanoseconds Student::TakeLongestGap() {
  MutexLock lock(mu_);
  return std::exchange(longest_gap_, std::chrono::nanoseconds(0));
}

bool Student::Await(const std::string& what, const std::function<bool()>& condition) const {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (!condition()) {
    bool ended;
    {
      MutexLock lock(mu_);
      ended = ended_;
    }
    if (ended || Clock::now() > deadline) {
      ADD_FAILURE() << (ended ? "the student stopped reading before this came: " : "this never came: ") << what << "\n"
                    << stats().ToString();
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bool Student::AwaitRows(std::int64_t more) const {
  const std::int64_t wanted = rows() + more;
  return Await(absl::StrCat("row ", wanted), [&] { return rows() >= wanted; });
}

bool Student::AwaitBusy(const std::string& endpoint) const {
  return Await(absl::StrCat("teacher ", endpoint, " is at work"), [&] {
    const LaneStats now = lane(endpoint);
    return now.completed > 0 && now.in_flight > 0;
  });
}

bool Student::AwaitEjection(const std::string& endpoint, std::int64_t ejections) const {
  return Await(absl::StrCat("teacher ", endpoint, " is out of rotation"), [&] {
    const LaneStats now = lane(endpoint);
    return now.ejections > ejections && now.state != "ready";
  });
}

bool Student::AwaitAllTeach() const {
  constexpr int kPart = 3;  // requests
  std::map<std::string, std::int64_t> wanted;
  for (const LaneStats& lane : stats().lanes) wanted[lane.endpoint] = lane.completed + kPart;
  return Await("all teachers do their part", [&] {
    const std::vector<LaneStats> lanes = stats().lanes;
    return !lanes.empty() && std::all_of(lanes.begin(), lanes.end(), [&](const LaneStats& lane) {
      if (lane.state == "closed") return true;
      auto [at, is_new] = wanted.emplace(lane.endpoint, kPart);
      return lane.state == "ready" && lane.completed >= at->second;
    });
  });
}

double Student::FullSpeed() const {
  if (!AwaitAllTeach()) return 0;
  const std::int64_t rows_before = rows();
  const Clock::time_point start = Clock::now();
  // A tenth of a second at least, so that a moment's luck is no measure.
  Await("rows", [&] { return rows() > rows_before && Clock::now() - start > std::chrono::milliseconds(100); });
  return static_cast<double>(rows() - rows_before) / std::chrono::duration<double>(Clock::now() - start).count();
}

bool Student::AwaitAllReady() const {
  const std::int64_t epochs = totals().epochs;
  return Await("all teachers are in rotation",
               [&] {
                 const std::vector<LaneStats> lanes = stats().lanes;
                 return !lanes.empty() && std::all_of(lanes.begin(), lanes.end(), [](const LaneStats& lane) {
                   return lane.state == "ready" || lane.state == "closed";
                 });
               }) &&
         Await("the end of an epoch", [&] { return totals().epochs > epochs; });
}

bool Student::AwaitRecovery(double full_speed) const {
  return Await("full speed", [&] { return FullSpeed() >= full_speed / 2 || ::testing::Test::HasFailure(); }) &&
         AwaitAllReady();
}

}  // namespace edl::test
