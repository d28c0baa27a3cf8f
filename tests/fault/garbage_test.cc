// SPDX-License-Identifier: Apache-2.0
// One of three teachers answers what makes no sense, in every way that a reply can.
#include "absl/strings/str_cat.h"
#include "tests/support/garbage_teacher.h"
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

using test::Answer;

TEST(Garbage, IsNeverTakenForASoftLabelAndTheTeacherIsUsedAgainWhenItIsWell) {
  auto teachers = test::StartRealTeachers(2);
  test::GarbageTeacher liar;
  std::vector<std::string> endpoints = test::EndpointsOf(teachers);
  endpoints.push_back(liar.endpoint());
  ReaderOptions options = test::RowOptions();
  options.max_attempts = 1000;
  test::Student student(FixedTeachers(endpoints), options);
  const double speed = student.FullSpeed();
  for (Answer answer :
       {Answer::kRowTooMany, Answer::kRowMissing, Answer::kOtherDtype, Answer::kOtherRowShape, Answer::kBytesMissing,
        Answer::kNoOutput, Answer::kOtherOutput, Answer::kOtherModel, Answer::kNotProtobuf}) {
    SCOPED_TRACE(static_cast<int>(answer));
    const int before = liar.garbage_given();
    const std::int64_t retried = student.stats().retried;
    liar.set_answer(answer);
    ASSERT_TRUE(student.Await("garbage", [&] { return liar.garbage_given() > before; }));
    ASSERT_TRUE(student.Await("another try", [&] { return student.stats().retried > retried; }));
    ASSERT_TRUE(student.AwaitRows(500));
    liar.set_answer(Answer::kRight);
    ASSERT_TRUE(student.AwaitRecovery(speed));
  }
  EXPECT_NE(student.lane(liar.endpoint()).last_error, "");
}

}  // namespace
}  // namespace edl
