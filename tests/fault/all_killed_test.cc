// SPDX-License-Identifier: Apache-2.0
// SIGKILL to every teacher; then one comes back, then the others.
#include "absl/strings/str_cat.h"
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(AllKilled, TheStudentWaitsAndGoesOnWithTheFirstThatIsBack) {
  auto teachers = test::StartRealTeachers(3);
  test::Student student(test::Watch(teachers));
  const double speed = student.FullSpeed();
  for (auto& teacher : teachers) teacher->Kill();
  for (auto& teacher : teachers) ASSERT_TRUE(student.AwaitEjection(teacher->endpoint()));
  // What was answered before is still delivered; then there is nothing to be had.
  ASSERT_TRUE(student.Await("nothing is in flight", [&] {
    const ReaderStats stats = student.stats();
    return stats.ring.in == stats.ring.out + stats.ring.depth &&
           std::all_of(stats.lanes.begin(), stats.lanes.end(), [](const auto& lane) { return lane.in_flight == 0; });
  }));
  teachers[1] = test::Restart(*teachers[1]);
  ASSERT_TRUE(student.AwaitRows(1000));
  EXPECT_EQ(student.lane(teachers[0]->endpoint()).state, "ejected");
  EXPECT_EQ(student.lane(teachers[2]->endpoint()).state, "ejected");
  teachers[0] = test::Restart(*teachers[0]);
  teachers[2] = test::Restart(*teachers[2]);
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
