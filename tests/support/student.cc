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

}  // namespace

Student::Student(std::unique_ptr<TeacherWatcher> teachers, ReaderOptions options, RowPlan plan,
                 std::function<void()> before)
    : before_(std::move(before)), ledger_(plan, options.ordered) {
  reader_ = NewReader(SourceOf(plan), std::move(teachers), std::move(options));
  thread_ = Thread("test-student", [this] { Read(); });
}

Student::~Student() {
  stop_ = true;
  reader_->Shutdown();
  thread_.Join();
}

void Student::Read() {
  while (!stop_) {
    if (before_) before_();
    const Clock::time_point asked = Clock::now();
    absl::StatusOr<std::optional<DistilledBatch>> batch = reader_->Next();
    const Clock::time_point got = Clock::now();
    if (stop_) break;
    MutexLock lock(mu_);
    longest_gap_ = std::max<std::chrono::nanoseconds>(longest_gap_, got - asked);
    if (!batch.ok()) {
      ADD_FAILURE() << batch.status();
    } else if (batch->has_value()) {
      ledger_.Count(**batch);
    } else {
      ledger_.EndEpoch();
    }
    if (!ledger_.totals().clean()) ADD_FAILURE() << ledger_.totals().ToString() << "; " << ledger_.complaint();
    if (!batch.ok() || !ledger_.totals().clean()) break;
  }
  MutexLock lock(mu_);
  ended_ = true;
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
                 return std::all_of(lanes.begin(), lanes.end(), [](const LaneStats& lane) {
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
