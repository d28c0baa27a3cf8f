// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/pending_queue.h"

#include <thread>

#include "gtest/gtest.h"
#include "tests/support/barrier.h"
#include "tests/support/scripted_teachers.h"
#include "tests/support/seed.h"

namespace edl {
namespace {

class PendingQueueTest : public ::testing::Test {
 protected:
  Lane& NewLane(Lane::State state) {
    Lane& lane = lanes_.Add(std::make_unique<Lane>("a", teachers_.Connect("a"), 2));
    lane.set_state(state);
    return lane;
  }

  test::ScriptedTeachers teachers_;
  LaneTable lanes_;
};

TEST_F(PendingQueueTest, GivesRetriesFirstThenFreshOnesInOrder) {
  Lane& lane = NewLane(Lane::State::kReady);
  PendingQueue queue(8, lanes_);
  TeacherRequest a, b, retry;
  queue.Push(a);
  queue.Push(b);
  queue.PushRetry(retry);
  EXPECT_EQ(queue.size(), 3);
  EXPECT_EQ(queue.Take(lane), &retry);
  EXPECT_EQ(queue.Take(lane), &a);
  EXPECT_TRUE(queue.HasWorkFor(lane));
  EXPECT_EQ(queue.Take(lane), &b);
  EXPECT_EQ(queue.Take(lane), nullptr);
  EXPECT_FALSE(queue.HasWorkFor(lane));
}

TEST_F(PendingQueueTest, KeepsARetryFromItsLaneWhileAnotherIsReady) {
  Lane& failed = NewLane(Lane::State::kReady);
  Lane& other = NewLane(Lane::State::kReady);
  PendingQueue queue(8, lanes_);
  TeacherRequest retry;
  retry.avoid = failed.id();
  queue.PushRetry(retry);
  EXPECT_FALSE(queue.HasWorkFor(failed));
  EXPECT_EQ(queue.Take(failed), nullptr);
  EXPECT_TRUE(queue.HasWorkFor(other));
  other.set_state(Lane::State::kEjected);
  EXPECT_EQ(queue.Take(failed), &retry);
}

// No request waits beside a free place: pushers and takers race, each by the protocol of Submit and Pump, and in the
// end everything must have been taken.
TEST_F(PendingQueueTest, NothingIsLeftBehindUnderContention) {
  const std::uint64_t seed = test::Seed();
  constexpr int kRequests = 20'000;
  constexpr int kTakers = 3;
  Lane& lane = NewLane(Lane::State::kReady);
  PendingQueue queue(kRequests, lanes_);
  std::vector<TeacherRequest> requests(kRequests);
  std::atomic<int> taken{0};
  auto pump = [&] {
    while (std::optional<int> place = lane.Reserve()) {
      TeacherRequest* request = queue.Take(lane);
      lane.Release(*place);
      if (request != nullptr) {
        EXPECT_EQ(request->rows, 7) << "its taker sees what the pusher wrote";
        EXPECT_EQ(request->attempts++, 0) << "taken twice";
        ++taken;
      } else if (!queue.HasWorkFor(lane)) {
        return;
      }
    }
  };
  test::Barrier start(kTakers + 1);
  std::vector<std::thread> takers;
  for (int t = 0; t < kTakers; ++t) {
    takers.emplace_back([&] {
      start.Wait();
      while (taken < kRequests) pump();
    });
  }
  start.Wait();
  for (TeacherRequest& request : requests) {
    request.rows = 7;
    (&request - requests.data() + seed) % 7 == 0 ? queue.PushRetry(request) : queue.Push(request);
    pump();
  }
  for (std::thread& taker : takers) taker.join();
  EXPECT_EQ(taken, kRequests);
  EXPECT_EQ(queue.size(), 0);
  EXPECT_EQ(lane.in_flight(), 0);
}

}  // namespace
}  // namespace edl
