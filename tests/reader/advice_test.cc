// SPDX-License-Identifier: Apache-2.0
// What a snapshot says in one sentence, and how two snapshots are told apart.
#include "edl/stats.h"
#include "gmock/gmock.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

LaneStats Teacher(const std::string& endpoint, std::chrono::nanoseconds busy = {}) {
  LaneStats lane;
  lane.endpoint = endpoint;
  lane.state = "ready";
  lane.busy = busy;
  return lane;
}

// Of ten seconds, in which the student had so many rows.
ReaderStats TenSeconds(std::int64_t rows, std::vector<LaneStats> lanes) {
  ReaderStats stats;
  stats.wall = seconds(10);
  stats.student.busy = seconds(10);
  stats.rows = rows;
  stats.lanes = std::move(lanes);
  return stats;
}

ReaderStats Waiting(ReaderStats stats, std::chrono::nanoseconds StudentTime::*whom, std::chrono::nanoseconds time) {
  stats.student.*whom += time;
  stats.student.busy -= time;
  return stats;
}

TEST(Advice, SaysHowManyMoreTeachersWouldFeedTheStudent) {
  ReaderStats stats = TenSeconds(4100, {Teacher("a"), Teacher("b"), Teacher("c"), Teacher("d"), Teacher("e")});
  stats = Waiting(stats, &StudentTime::waited_for_teachers, milliseconds(3800));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kTeachers);  // 5 / 0.62 = 8.06
  EXPECT_EQ(stats.Advice(),
            "teacher-bound: the student waits 38 % of the time; 3 more teachers like these would feed it");
  stats.lanes.resize(1);
  EXPECT_EQ(stats.Advice(),
            "teacher-bound: the student waits 38 % of the time; 1 more teacher like this would feed it");
}

TEST(Advice, SaysHowManyTeachersWouldDo) {
  ReaderStats stats = TenSeconds(4100, {Teacher("a", seconds(9)), Teacher("b", seconds(7)), Teacher("c"), Teacher("d"),
                                        Teacher("e"), Teacher("f")});
  stats = Waiting(stats, &StudentTime::waited_for_teachers, milliseconds(190));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kStudent);
  EXPECT_EQ(stats.Advice(), "student-bound: 2 of 6 teachers would do");
  stats.lanes.resize(2);
  EXPECT_EQ(stats.Advice(), "student-bound: it hardly waits, and its 2 teachers are just enough");
}

TEST(Advice, SaysHowFastTheLoaderIsAndHowFastItShouldBe) {
  ReaderStats stats = TenSeconds(4100, {Teacher("a")});
  stats = Waiting(stats, &StudentTime::waited_for_source, milliseconds(6583));
  stats = Waiting(stats, &StudentTime::waited_for_teachers, milliseconds(100));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kSource);
  EXPECT_EQ(stats.Advice(), "source-bound: the loader gives 410 rows/s, the student could take 1236");
}

// Ten requests of a teacher that was busy with them for ten seconds.
LaneStats Told(std::chrono::nanoseconds queue, std::chrono::nanoseconds compute, std::chrono::nanoseconds network) {
  LaneStats lane = Teacher("a", seconds(10));
  lane.completed = lane.timed = 10;
  lane.teacher_queue = 10 * queue;
  lane.teacher_compute = 10 * compute;
  lane.network = 10 * network;
  lane.latency = 10 * (queue + compute + network);
  return lane;
}

// Six seconds of waiting, of which the network gets what its teacher's times say.
std::chrono::nanoseconds NetworksPart(const LaneStats& lane) {
  const ReaderStats none;
  const ReaderStats stats = Waiting(TenSeconds(10, {lane}), &StudentTime::waited_for_teachers, seconds(6)).Since(none);
  EXPECT_EQ(stats.student.waited(), seconds(6));
  return stats.student.waited_for_network;
}

TEST(Network, IsToBlameForTheTimeInWhichTheTeacherHadNothingOfOurs) {
  EXPECT_EQ(NetworksPart(Teacher("it does not tell", seconds(10))), seconds(0));
  EXPECT_EQ(NetworksPart(Told(milliseconds(0), milliseconds(250), milliseconds(750))), milliseconds(4500));
  // Two at a time: one travels while the other is computed.
  EXPECT_EQ(NetworksPart(Told(milliseconds(0), seconds(1), seconds(1))), seconds(0));
  // Others keep the teacher busy, too.
  EXPECT_EQ(NetworksPart(Told(milliseconds(750), milliseconds(250), milliseconds(0))), seconds(0));
}

TEST(Advice, SaysWhatToDoAboutASlowNetwork) {
  ReaderStats stats = TenSeconds(10, {Told(milliseconds(0), milliseconds(50), milliseconds(950))});
  stats = Waiting(stats, &StudentTime::waited_for_teachers, seconds(6)).Since({});
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kNetwork);
  EXPECT_THAT(stats.Advice(), HasSubstr("network-bound: the student waits 57 % of the time for bytes on their way"));
}

TEST(Advice, SaysWhatToDoAboutSingleSlowRequests) {
  ReaderStats stats = Waiting(TenSeconds(10, {Teacher("a")}), &StudentTime::waited_for_head_of_line, seconds(2));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kHeadOfLine);
  EXPECT_THAT(stats.Advice(), HasSubstr("waits 20 % of the time for one of them"));
  EXPECT_THAT(stats.Advice(), HasSubstr("raise max_batches_ahead"));
}

TEST(Advice, KnowsAStudentWithoutTeachersAndOneThatHasNotBegun) {
  EXPECT_EQ(ReaderStats().bottleneck(), Bottleneck::kUnknown);
  EXPECT_EQ(ReaderStats().Advice(), "nothing to say yet: no batch has been asked for");
  ReaderStats stats = Waiting(TenSeconds(0, {Teacher("a")}), &StudentTime::waited_for_teachers, seconds(10));
  EXPECT_EQ(stats.Advice(), "teacher-bound: the student waits 100 % of the time, for its first batch");
  stats.lanes[0].state = "connecting";
  EXPECT_EQ(stats.Advice(), "teacher-bound: the student waits 100 % of the time, and no teacher is ready");
}

TEST(Since, SubtractsWhatIsCountedAndKeepsWhatIs) {
  ReaderStats before = TenSeconds(100, {Teacher("a", seconds(4)), Teacher("gone")});
  before.source = {7, 6, 1};
  before.lanes[0].completed = 10;
  before.lanes[0].attempts = 12;
  before.lanes[0].latency = seconds(1);
  ReaderStats now = Waiting(before, &StudentTime::waited_for_source, seconds(3));
  now.wall = seconds(15);
  now.rows = 160;
  now.source = {9, 9, 0};
  now.lanes[0].completed = 14;
  now.lanes[0].attempts = 17;
  now.lanes[0].latency = seconds(3);
  now.lanes[0].window = 5;
  now.lanes[1] = Teacher("new", seconds(2));
  const ReaderStats since = now.Since(before);
  EXPECT_EQ(since.wall, seconds(5));
  EXPECT_EQ(since.rows, 60);
  EXPECT_EQ(since.source.in, 2);
  EXPECT_EQ(since.source.depth, 0);
  EXPECT_EQ(since.student.waited_for_source, seconds(3));
  EXPECT_EQ(since.lanes[0].completed, 4);
  EXPECT_EQ(since.lanes[0].mean_latency(), milliseconds(500));
  EXPECT_EQ(since.lanes[0].window, 5);
  EXPECT_EQ(since.lanes[0].busy, seconds(0));
  EXPECT_EQ(since.lanes[1].busy, seconds(2));
}

TEST(Since, TakesATeacherThatWasForgottenAndCameBackForANewOne) {
  ReaderStats before = TenSeconds(0, {Teacher("a", seconds(4))});
  before.lanes[0].attempts = 50;
  ReaderStats now = TenSeconds(0, {Teacher("a", seconds(1))});
  now.lanes[0].attempts = 3;
  EXPECT_EQ(now.Since(before).lanes[0].attempts, 3);
  EXPECT_EQ(now.Since(before).lanes[0].busy, seconds(1));
}

}  // namespace
}  // namespace edl
