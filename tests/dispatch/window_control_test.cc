// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/window_control.h"

#include <functional>
#include <queue>
#include <random>

#include "gtest/gtest.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A teacher behind a network, on a clock of its own: `instances` requests are computed at a time, each for `service`,
// after half of `network` and before the other half.
class SimulatedTeacher {
 public:
  explicit SimulatedTeacher(int most = 64) : control_(most) {}

  int instances = 1;
  std::function<nanoseconds()> service = [] { return nanoseconds(milliseconds(10)); };
  nanoseconds network{0};
  // A lane that always has work, or one with a request now and then.
  nanoseconds between_requests{0};

  // Runs for so long; gives the requests completed.
  std::int64_t Run(nanoseconds time) {
    const TimePoint until = now_ + time;
    const std::int64_t before = completed_;
    while (now_ < until) {
      while (between_requests == nanoseconds(0) && in_flight_.size() < Window()) Send();
      if (between_requests > nanoseconds(0)) {
        control_.OnStarved();
        if (in_flight_.empty()) now_ += between_requests;
        if (in_flight_.size() < Window()) Send();
      }
      Complete();
    }
    return completed_ - before;
  }

  int window() const { return control_.window(); }
  int widest() const { return widest_; }
  void ForgetWidest() { widest_ = 0; }

 private:
  struct Request {
    TimePoint sent, back;
    bool operator<(const Request& other) const { return back > other.back; }
  };

  std::size_t Window() const { return static_cast<std::size_t>(control_.window()); }

  void Send() {
    while (free_.size() < static_cast<std::size_t>(instances)) free_.push(now_);
    TimePoint begins = std::max(now_ + network / 2, free_.top());
    free_.pop();
    TimePoint ends = begins + service();
    free_.push(ends);
    in_flight_.push({now_, ends + network / 2});
  }

  void Complete() {
    Request request = in_flight_.top();
    in_flight_.pop();
    now_ = std::max(now_, request.back);
    ++completed_;
    latency_ += now_ - request.sent;
    control_.OnCompleted(now_, completed_, latency_);
    widest_ = std::max(widest_, control_.window());
  }

  WindowControl control_;
  TimePoint now_{std::chrono::hours(1)};
  std::priority_queue<TimePoint, std::vector<TimePoint>, std::greater<TimePoint>> free_;  // instances, when
  std::priority_queue<Request> in_flight_;
  std::int64_t completed_ = 0;
  nanoseconds latency_{0};
  int widest_ = 0;
};

constexpr std::chrono::seconds kLong(60);

TEST(WindowControl, TwoKeepATeacherNearbyBusy) {
  SimulatedTeacher teacher;
  teacher.network = microseconds(200);
  teacher.Run(kLong);
  EXPECT_LE(teacher.window(), 3);
  EXPECT_GE(teacher.window(), 2);
}

TEST(WindowControl, ALongWayTakesAsManyAsFillIt) {
  SimulatedTeacher teacher;
  teacher.network = milliseconds(90);  // 9 travel while 1 is computed
  teacher.Run(kLong);
  EXPECT_GE(teacher.window(), 10);
  EXPECT_LE(teacher.window(), 14);
  EXPECT_GE(teacher.Run(std::chrono::seconds(10)), 980) << "of 1000 that it can compute";
}

TEST(WindowControl, ATeacherOfSeveralInstancesGetsWorkForEach) {
  SimulatedTeacher teacher;
  teacher.instances = 8;
  teacher.Run(kLong);
  EXPECT_GE(teacher.window(), 8);
  EXPECT_LE(teacher.window(), 12);
}

TEST(WindowControl, DoesNotDriftInAnHour) {
  SimulatedTeacher teacher;
  teacher.network = milliseconds(20);  // 3 in all
  teacher.Run(kLong);
  teacher.ForgetWidest();
  EXPECT_GE(teacher.Run(std::chrono::hours(1)), 355'000) << "of 360,000: measuring costs little";
  EXPECT_LE(teacher.widest(), 6);
}

TEST(WindowControl, UnevenServiceTimesDoNotKeepItSmallNorLetItGrowWithoutBound) {
  const std::uint64_t seed = test::Seed();
  std::mt19937_64 random(seed);
  SimulatedTeacher teacher;
  teacher.network = milliseconds(70);
  teacher.service = [&] { return nanoseconds(microseconds(random() % 20'000)); };
  teacher.Run(kLong);
  EXPECT_GE(teacher.Run(kLong), 5000) << "of 6000 or so";
  EXPECT_LE(teacher.widest(), 32);
}

TEST(WindowControl, FollowsATeacherThatChanges) {
  SimulatedTeacher teacher;
  teacher.network = milliseconds(90);
  teacher.Run(kLong);
  EXPECT_GE(teacher.window(), 10);
  teacher.service = [] { return nanoseconds(milliseconds(100)); };  // ten times slower: the network is hidden by 2
  teacher.Run(10 * kLong);
  EXPECT_LE(teacher.window(), 4);
  teacher.service = [] { return nanoseconds(milliseconds(10)); };
  teacher.Run(kLong);
  EXPECT_GE(teacher.window(), 10);
}

TEST(WindowControl, ALaneWithLittleToDoTeachesNothing) {
  SimulatedTeacher teacher;
  teacher.network = milliseconds(90);
  teacher.between_requests = milliseconds(200);
  teacher.Run(kLong);
  EXPECT_EQ(teacher.window(), 2);
}

TEST(WindowControl, KeepsWithinItsBound) {
  for (int most : {1, 2, 3, 5}) {
    SimulatedTeacher teacher(most);
    teacher.network = milliseconds(90);
    teacher.Run(kLong);
    EXPECT_EQ(teacher.window(), most);
    EXPECT_LE(teacher.widest(), most);
  }
}

}  // namespace
}  // namespace edl
