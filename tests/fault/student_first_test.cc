// SPDX-License-Identifier: Apache-2.0
// The student is started before any teacher is.
#include <string>

#include "src/testing/free_port.h"
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(StudentFirst, WaitsForTheFirstTeacherAndUsesEachThatComes) {
  const std::string ports[] = {std::to_string(testing::FreePort()), std::to_string(testing::FreePort())};
  test::Student student(FixedTeachers({"127.0.0.1:" + ports[0], "127.0.0.1:" + ports[1]}));
  ASSERT_TRUE(student.Await("it has tried in vain", [&] {
    return !student.lane("127.0.0.1:" + ports[0]).last_error.empty() &&
           !student.lane("127.0.0.1:" + ports[1]).last_error.empty();
  }));
  EXPECT_EQ(student.rows(), 0);
  auto first = test::StartRealTeacher({ports[0]});
  ASSERT_TRUE(student.AwaitRows(500));
  auto second = test::StartRealTeacher({ports[1]});
  ASSERT_TRUE(student.AwaitRecovery(student.FullSpeed()));
}

}  // namespace
}  // namespace edl
