// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/latency_profile.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

void Record(LatencyProfile& profile, std::int64_t rows, milliseconds latency, int times) {
  for (int i = 0; i < times; ++i) profile.Record(rows, latency);
}

std::optional<nanoseconds> TooLong(LatencyProfile& profile, std::int64_t rows) {
  profile.Refresh();
  return profile.TooLong(rows);
}

void ExpectAbout(std::optional<nanoseconds> got, milliseconds want) {
  ASSERT_TRUE(got);
  EXPECT_GE(*got, want * 0.99);
  EXPECT_LE(*got, want * 1.1);
}

TEST(LatencyProfile, KnowsNothingOfTooFew) {
  LatencyProfile profile;
  Record(profile, 32, milliseconds(10), 19);
  EXPECT_FALSE(TooLong(profile, 32));
  Record(profile, 32, milliseconds(10), 1);
  EXPECT_TRUE(TooLong(profile, 32));
}

TEST(LatencyProfile, TwiceTheMedianIsTooLongAmongEquals) {
  LatencyProfile profile;
  Record(profile, 32, milliseconds(10), 100);
  ExpectAbout(TooLong(profile, 32), milliseconds(20));
}

TEST(LatencyProfile, TheNinetiethPercentileIsTooLongWhereLatenciesSpread) {
  LatencyProfile profile;
  for (int i = 1; i <= 100; ++i) Record(profile, 32, milliseconds(i < 80 ? 10 : i), 1);
  ExpectAbout(TooLong(profile, 32), milliseconds(91));
}

TEST(LatencyProfile, OneSlowTeacherOfManyDoesNotRaiseIt) {
  LatencyProfile profile;
  Record(profile, 32, milliseconds(10), 95);
  Record(profile, 32, milliseconds(100), 5);
  ExpectAbout(TooLong(profile, 32), milliseconds(20));
}

TEST(LatencyProfile, AClassThatHasSeenFewGoesByTheNextLargerOne) {
  LatencyProfile profile;
  Record(profile, 32, milliseconds(10), 100);
  ExpectAbout(TooLong(profile, 4), milliseconds(20));
  EXPECT_FALSE(TooLong(profile, 64));
  Record(profile, 4, milliseconds(2), 100);
  ExpectAbout(TooLong(profile, 4), milliseconds(4));
  ExpectAbout(profile.ShortestTooLong(), milliseconds(4));
}

TEST(LatencyProfile, ForgetsWhatIsOld) {
  LatencyProfile profile;
  Record(profile, 32, milliseconds(10), 10'000);
  for (int i = 0; i < 20; ++i) {
    profile.Refresh();
    Record(profile, 32, milliseconds(50), 100);
  }
  ExpectAbout(TooLong(profile, 32), milliseconds(100));
}

TEST(LatencyProfile, TakesAnyLatencyAndAnyRows) {
  LatencyProfile profile;
  for (std::int64_t rows : {std::int64_t{0}, std::int64_t{1}, INT64_MAX}) {
    for (int i = 0; i < 20; ++i) profile.Record(rows, nanoseconds(i % 2 == 0 ? -5 : INT64_MAX));
    EXPECT_TRUE(TooLong(profile, rows));
  }
}

}  // namespace
}  // namespace edl
