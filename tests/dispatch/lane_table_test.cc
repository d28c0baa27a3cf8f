// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/lane_table.h"

#include <chrono>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/scripted_teachers.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kNow{std::chrono::hours(1)};

class LaneTableTest : public ::testing::Test {
 protected:
  // A ready lane with nothing in flight since kNow, that has answered once in that time (0: never).
  Lane& Add(const std::string& endpoint, milliseconds latency) {
    Lane& lane = table_.Add(std::make_unique<Lane>(endpoint, teachers_.Connect(endpoint), 4));
    lane.set_state(Lane::State::kReady);
    if (latency > milliseconds(0)) lane.CountCompleted(1, latency, kNow);
    lane.MarkIdle(kNow);
    return lane;
  }

  test::ScriptedTeachers teachers_;
  LaneTable table_{8};
};

TEST_F(LaneTableTest, TheQuickestIsTheOneWhoseAnswerIsDueFirst) {
  Lane& quick = Add("quick", milliseconds(10));
  Lane& slow = Add("slow", milliseconds(25));
  EXPECT_EQ(table_.Quickest(kNow), &quick);
  quick.Reserve();
  EXPECT_EQ(table_.Quickest(kNow), &quick);  // 20 ms, beside 25
  quick.Reserve();
  EXPECT_EQ(table_.Quickest(kNow), &slow);
}

TEST_F(LaneTableTest, OneThatHasNotAnsweredYetIsGivenOneTry) {
  Lane& known = Add("known", milliseconds(10));
  Lane& unknown = Add("unknown", milliseconds(0));
  EXPECT_EQ(table_.Quickest(kNow), &unknown);
  unknown.Reserve();
  EXPECT_EQ(table_.Quickest(kNow), &known);
}

// A teacher that hung for a while and is well again: others are quick enough for all there is to do, and it would never
// be asked.
TEST_F(LaneTableTest, OneThatWasSlowIsGivenATryWhenThatIsLongAgo) {
  Lane& quick = Add("quick", milliseconds(10));
  Lane& was_slow = Add("was slow", milliseconds(100));
  quick.MarkBusy(kNow);  // time and again: it has all the work
  EXPECT_EQ(table_.Quickest(kNow + milliseconds(1'600)), &quick);
  EXPECT_EQ(table_.Quickest(kNow + milliseconds(1'601)), &was_slow);
  was_slow.Reserve();
  EXPECT_EQ(table_.Quickest(kNow + milliseconds(1'601)), &quick);
}

}  // namespace
}  // namespace edl
