// SPDX-License-Identifier: Apache-2.0
// What befalls an edl-teacher that keeps its own lease: SIGTERM, SIGSTOP, SIGKILL.
#include "tests/support/listed_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

class OwnLease : public ::testing::Test {
 protected:
  test::TeacherPtr Start(const std::string& port = "0") { return test::StartRealTeacher({port, "1", redis_.url()}); }

  test::RedisProcess redis_;
  test::TeacherPtr stays_ = Start();
  test::TeacherPtr leaves_ = Start();
};

TEST_F(OwnLease, DrainedItLeavesBeforeAnyRequestIsRefused) {
  test::Student student(RedisTeachers(test::ShortPoll(redis_.url())));
  for (int round = 0; round < 2; ++round) {
    const std::string endpoint = leaves_->endpoint();
    ASSERT_TRUE(student.AwaitBusy(endpoint));
    leaves_->Terminate();
    EXPECT_EQ(leaves_->Wait(), 0);
    EXPECT_EQ(student.lane(endpoint).failed, 0);
    EXPECT_EQ(student.lane(endpoint).state, "closed");
    ASSERT_TRUE(student.AwaitRows(500));
    leaves_ = Start();
    ASSERT_TRUE(student.AwaitRecovery(0));
  }
  EXPECT_EQ(student.stats().retried, 0);
}

TEST_F(OwnLease, HungItIsUnlistedAndListsItselfWhenItGoesOn) {
  ReaderOptions options = test::RowOptions();
  options.attempt_timeout = milliseconds(1000);
  test::Student student(RedisTeachers(test::ShortPoll(redis_.url())), options);
  const double speed = student.FullSpeed();
  const std::string endpoint = leaves_->endpoint();
  ASSERT_TRUE(student.AwaitBusy(endpoint));
  leaves_->Pause();
  ASSERT_TRUE(student.AwaitEjection(endpoint));
  // A lease of edl-teacher lasts for 6 s.
  ASSERT_TRUE(student.Await("it is let go", [&] { return student.lane(endpoint).state == "closed"; }));
  leaves_->Resume();
  ASSERT_TRUE(student.Await("it is back", [&] { return student.lane(endpoint).state == "ready"; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

TEST_F(OwnLease, KilledAndStartedElsewhereItIsFound) {
  test::Student student(RedisTeachers(test::ShortPoll(redis_.url())));
  const double speed = student.FullSpeed();
  const std::string endpoint = leaves_->endpoint();
  ASSERT_TRUE(student.AwaitBusy(endpoint));
  leaves_->Kill();
  ASSERT_TRUE(student.AwaitEjection(endpoint));
  leaves_ = Start();
  ASSERT_TRUE(student.Await("the new one", [&] { return student.lane(leaves_->endpoint()).completed > 0; }));
  ASSERT_TRUE(student.Await("the old one is let go", [&] { return student.lane(endpoint).state == "closed"; }));
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
