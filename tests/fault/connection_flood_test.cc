// SPDX-License-Identifier: Apache-2.0
// Somebody opens connections to a teacher without end, and says nothing on them.
#include "tests/support/raw_http2.h"
#include "tests/support/real_teacher.h"
#include "tests/support/student.h"

namespace edl {
namespace {

TEST(ConnectionFlood, WhoIsThereLearnsOnAndWhoComesAfterItIsLetIn) {
  test::RealTeacherOptions options;
  options.flags = {"--max-connections", "50"};
  std::vector<test::TeacherPtr> teachers;
  teachers.push_back(test::StartRealTeacher(options));
  ASSERT_NE(teachers[0], nullptr);
  const std::string endpoint = teachers[0]->endpoint();
  test::Student student(test::Watch(teachers));
  ASSERT_TRUE(student.AwaitRows(100));
  {
    std::vector<std::unique_ptr<test::RawHttp2>> flood;
    for (int i = 0; i < 2000; ++i) {
      flood.push_back(std::make_unique<test::RawHttp2>(endpoint));
      flood.back()->Greet();
    }
    EXPECT_TRUE(flood.back()->AwaitEnd());
    ASSERT_TRUE(student.AwaitRows(1000));
    EXPECT_EQ(student.lane(endpoint).ejections, 0) << "it lost its connection";
  }
  test::Student another(test::Watch(teachers));
  ASSERT_TRUE(another.AwaitAllReady());
  ASSERT_TRUE(another.AwaitRows(1000));
}

}  // namespace
}  // namespace edl
