// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/lane.h"

#include <set>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/barrier.h"
#include "tests/support/scripted_teachers.h"

namespace edl {
namespace {

// Ends rounds until the window has its size: each request takes a second, and a second's worth is in flight.
void Widen(Lane& lane, int window) {
  TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 100'000 && lane.window() < window; ++i) {
    now += std::chrono::nanoseconds(std::chrono::seconds(1)) / lane.window();
    lane.CountCompleted(1, std::chrono::seconds(1), now);
  }
}

TEST(Lane, HasAsManyPlacesAsItsWindow) {
  test::ScriptedTeachers teachers;
  for (int window : {1, 2, 63, Lane::kMaxWindow}) {
    Lane lane("a", teachers.Connect("a"), window);
    EXPECT_FALSE(lane.Reserve()) << "not ready";
    Widen(lane, window);
    ASSERT_EQ(lane.window(), window);
    lane.set_state(Lane::State::kReady);
    std::set<int> places;
    for (int i = 0; i < window; ++i) {
      EXPECT_TRUE(lane.HasRoom());
      places.insert(lane.Reserve().value());
    }
    EXPECT_EQ(places.size(), static_cast<std::size_t>(window));
    EXPECT_FALSE(lane.HasRoom());
    EXPECT_FALSE(lane.Reserve());
    lane.Release(*places.rbegin());
    EXPECT_EQ(lane.Reserve(), *places.rbegin());
  }
}

TEST(Lane, IsNotIdleWhileARequestIsInFlightWhoeverSpokeOfItLast) {
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 2);
  lane.set_state(Lane::State::kReady);
  const TimePoint now{std::chrono::hours(1)};
  lane.MarkBusy();
  lane.MarkIdle(now);  // by a thread that found the lane empty before the other's request
  EXPECT_EQ(lane.idle_since(), now);
  const int place = lane.Reserve().value();
  EXPECT_EQ(lane.idle_since(), std::nullopt);
  lane.Release(place);
  EXPECT_EQ(lane.idle_since(), now);
}

TEST(Lane, IsLeftReadyByOneOnly) {
  test::ScriptedTeachers teachers;
  Lane lane("a", teachers.Connect("a"), 1);
  for (int round = 0; round < 1000; ++round) {
    lane.set_state(Lane::State::kReady);
    std::atomic<int> winners{0};
    test::Barrier start(2);
    auto leave = [&] {
      start.Wait();
      winners += lane.LeaveReady(Lane::State::kEjected) ? 1 : 0;
    };
    std::thread other(leave);
    leave();
    other.join();
    ASSERT_EQ(winners, 1);
  }
}

}  // namespace
}  // namespace edl
