// SPDX-License-Identifier: Apache-2.0
// A connection is reset in the middle of a reply, at every kind of place: in a frame's head, in a message's, in a
// tensor.
#include <random>

#include "tests/support/real_teacher.h"
#include "tests/support/seed.h"
#include "tests/support/student.h"
#include "tests/support/tcp_proxy.h"

namespace edl {
namespace {

TEST(CutInMidReply, HalfAReplyIsNoReply) {
  std::mt19937_64 random(test::Seed());
  auto teachers = test::StartRealTeachers(2);
  test::TcpProxy wire(teachers[0]->endpoint());
  test::RowPlan plan;
  plan.most_rows = 400;
  plan.items = 20;
  // A reply of some 10 kB, so that most cuts fall into one.
  test::Student student(FixedTeachers({wire.endpoint(), teachers[1]->endpoint()}), test::RowOptions(400), plan);
  const double speed = student.FullSpeed();
  for (int round = 1; round <= 20; ++round) {
    ASSERT_TRUE(student.AwaitBusy(wire.endpoint()));
    wire.CutAfter(1 + static_cast<std::int64_t>(random() % 30'000));
    ASSERT_TRUE(student.Await("the cut", [&] { return wire.cuts() >= round; }));
    const std::int64_t completed = student.lane(wire.endpoint()).completed;
    // More than can have been answered before the cut.
    ASSERT_TRUE(
        student.Await("it is used again", [&] { return student.lane(wire.endpoint()).completed > completed + 5; }));
  }
  EXPECT_GT(student.lane(wire.endpoint()).ejections, 10);
  ASSERT_TRUE(student.AwaitRecovery(speed));
}

}  // namespace
}  // namespace edl
