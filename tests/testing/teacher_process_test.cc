// SPDX-License-Identifier: Apache-2.0
#include "edl/testing/teacher_process.h"

#include "gmock/gmock.h"

namespace edl::testing {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<TeacherProcess> Shell(const std::string& script) {
  auto process = TeacherProcess::Start({"/bin/sh", "-c", script});
  EXPECT_TRUE(process.ok()) << process.status();
  return *std::move(process);
}

TEST(TeacherProcess, GoesOnHoweverMuchItWrites) {
  auto process = Shell(
      "echo loading; echo serving m at 127.0.0.1:1;"
      "line=$(printf %01000d 0); i=0; while [ $i -lt 1000 ]; do echo $line; i=$((i+1)); done; exit 7");
  EXPECT_EQ(process->endpoint(), "127.0.0.1:1");
  EXPECT_EQ(process->Wait(), 7);
}

TEST(TeacherProcess, HasEndedThoughAChildOfItsOwnKeepsItsOutput) {
  const auto start = std::chrono::steady_clock::now();
  auto process = Shell("echo serving m at 127.0.0.1:1; sleep 20 & exit 3");
  EXPECT_EQ(process->Wait(), 3);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
}

TEST(TeacherProcess, LivesOnWhenItHasClosedItsOutput) {
  auto process = Shell("echo serving m at 127.0.0.1:1; exec >&- sleep 1000");
  process->Terminate();
  EXPECT_EQ(process->Wait(), -15);
}

TEST(TeacherProcess, SaysWhyAProgramDoesNotServe) {
  EXPECT_EQ(TeacherProcess::Start({"/no/such/program"}).status().code(), absl::StatusCode::kUnavailable);
  auto ends = TeacherProcess::Start({"/bin/echo", "not a teacher"});
  EXPECT_EQ(ends.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(ends.status().message()),
              HasSubstr("ended with status 0 before it served; it last wrote 'not a teacher'"));
  auto silent = TeacherProcess::Start({"/bin/cat", "/dev/zero"}, std::chrono::milliseconds(50));
  EXPECT_EQ(silent.status().code(), absl::StatusCode::kDeadlineExceeded) << silent.status();
}

}  // namespace
}  // namespace edl::testing
