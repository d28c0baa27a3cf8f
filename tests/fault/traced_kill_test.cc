// SPDX-License-Identifier: Apache-2.0
// SIGKILL, as the trace shows it: what the teacher had in flight is seen to fail there and to go to another.
#include "tests/support/real_teacher.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/student.h"
#include "tests/support/trace_log.h"

namespace edl {
namespace {

bool Failed(const test::TraceSlice& attempt) {
  const std::string status = attempt.args["status"];
  return status != "OK" && status != "CANCELLED" && status != "lost the race";
}

TEST(TracedKill, ItsRequestsAreSeenToMoveToTheOther) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "trace.json";
  auto teachers = test::StartRealTeachers(2);
  const std::string victim = teachers[0]->endpoint();
  ReaderOptions options = test::RowOptions();
  options.trace_file = path;
  options.hedge_budget = 0;
  std::int64_t retried = 0;
  {
    test::Student student(test::Watch(teachers), options);
    ASSERT_TRUE(student.AwaitBusy(victim));
    teachers[0]->Kill();
    ASSERT_TRUE(student.AwaitEjection(victim));
    ASSERT_TRUE(student.AwaitRows(1000));
    retried = student.stats().retried;
  }
  const test::TraceLog log(path);
  ASSERT_EQ(log.stopped(), "");
  const auto attempts = log.Attempts();
  std::int64_t moved = 0;
  for (const test::TraceArrow& arrow : log.arrows()) {
    const test::TraceSlice* failed = log.At(arrow.from_row, arrow.from);
    const test::TraceSlice* retry = log.At(arrow.to_row, arrow.to);
    ASSERT_TRUE(failed != nullptr && retry != nullptr);
    EXPECT_TRUE(Failed(*failed)) << failed->name;
    EXPECT_EQ(retry->args["role"], "retry");
    EXPECT_EQ(retry->args["attempt"], failed->args["attempt"].get<int>() + 1);
    for (const char* same : {"epoch", "batch", "first_row"}) EXPECT_EQ(failed->args[same], retry->args[same]);
    moved += log.Endpoint(arrow.from_row) == victim && log.Endpoint(arrow.to_row) != victim ? 1 : 0;
  }
  EXPECT_GE(moved, 1);
  EXPECT_GE(static_cast<std::int64_t>(log.arrows().size()), retried);
  // Each that failed there was answered in the end, or the reader ended before.
  for (const auto& [key, attempt] : attempts) {
    if (!Failed(attempt.second)) continue;
    const auto& [epoch, batch, row, number, role] = key;
    EXPECT_EQ(attempts.count({epoch, batch, row, number + 1, "retry"}), 1u) << attempt.second.args.dump();
  }
}

}  // namespace
}  // namespace edl
