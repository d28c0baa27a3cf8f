// SPDX-License-Identifier: Apache-2.0
// Promise 11, its second half: in mixes whose bottleneck is known, the reader finds it.
#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "tests/support/event.h"
#include "tests/support/rows.h"
#include "tests/support/tcp_proxy.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Passes the time that a loader, a teacher or a step takes.
void Take(milliseconds time) {
  if (time.count() > 0) Event().WaitFor(time);
}

std::unique_ptr<BatchSource> SlowSource(milliseconds time) {
  return FromBatches([time](std::int64_t) -> Generator<Fields> {
    return [time, i = std::int64_t{0}]() mutable -> absl::StatusOr<std::optional<Fields>> {
      Take(time);
      return std::optional<Fields>(test::MakeBatch(4 * i++, 4));
    };
  });
}

std::vector<std::unique_ptr<testing::FakeTeacher>> Teachers(int count, milliseconds time) {
  testing::FakeTeacherOptions options;
  options.delay = [time](const auto&) { return time; };
  std::vector<std::unique_ptr<testing::FakeTeacher>> teachers;
  for (int i = 0; i < count; ++i) teachers.push_back(test::StartTeacher(options));
  return teachers;
}

// What the reader says of `steps` steps of a student that takes so long for each, after its first ones.
ReaderStats Train(DistillReader& reader, int steps, milliseconds step) {
  auto train = [&](int count) {
    for (int i = 0; i < count; ++i) {
      auto batch = reader.Next();
      ASSERT_TRUE(batch.ok()) << batch.status();
      Take(step);
    }
  };
  train(10);  // connecting is no part of the mix
  const ReaderStats before = reader.Stats();
  train(steps);
  const ReaderStats stats = reader.Stats().Since(before);
  EXPECT_EQ(stats.student.busy + stats.student.waited(), stats.wall);
  return stats;
}

TEST(Attribution, FindsTeachersThatAreTooFew) {
  auto teachers = Teachers(2, milliseconds(20));
  auto reader = test::NewReader(SlowSource(milliseconds(0)), test::Watch(teachers), test::RowOptions());
  const ReaderStats stats = Train(*reader, 40, milliseconds(1));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kTeachers) << stats.ToString();
  EXPECT_THAT(stats.Advice(), ::testing::HasSubstr("more teachers like these would feed it"));
}

TEST(Attribution, FindsASlowSource) {
  auto teachers = Teachers(2, milliseconds(1));
  auto reader = test::NewReader(SlowSource(milliseconds(20)), test::Watch(teachers), test::RowOptions());
  const ReaderStats stats = Train(*reader, 20, milliseconds(1));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kSource) << stats.ToString();
}

TEST(Attribution, FindsASlowStudent) {
  auto teachers = Teachers(3, milliseconds(1));
  auto reader = test::NewReader(SlowSource(milliseconds(0)), test::Watch(teachers), test::RowOptions());
  const ReaderStats stats = Train(*reader, 20, milliseconds(20));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kStudent) << stats.ToString();
  EXPECT_THAT(stats.Advice(), ::testing::HasSubstr("1 of 3 teachers would do"));
}

// Bytes pass only now and then.
TEST(Attribution, FindsASlowNetwork) {
  auto teacher = test::StartTeacher();
  test::TcpProxy wire(teacher->endpoint());
  ReaderOptions options = test::RowOptions();
  options.window = 2;
  options.hedge_budget = 0;
  auto reader = test::NewReader(SlowSource(milliseconds(0)), FixedTeachers({wire.endpoint()}), options);
  std::atomic<bool> done{false};
  std::thread traffic([&] {
    while (!done) {
      wire.Stall();
      Take(milliseconds(30));
      wire.Flow();
      Take(milliseconds(3));
    }
  });
  const ReaderStats stats = Train(*reader, 200, milliseconds(0));
  done = true;
  traffic.join();
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kNetwork) << stats.ToString();
}

// One request of every eight takes long, the rest no time; the source may be three batches ahead of the student.
TEST(Attribution, FindsSingleSlowRequests) {
  testing::FakeTeacherOptions options;
  options.instances = 4;
  options.delay = [](const std::vector<Tensor>& inputs) {
    return milliseconds(inputs[0].data_as<std::int64_t>()[0] % 32 == 0 ? 100 : 0);
  };
  auto teacher = test::StartTeacher(options);
  ReaderOptions reader_options = test::RowOptions();
  reader_options.max_batches_ahead = 3;
  reader_options.hedge_budget = 0;
  auto reader = test::NewReader(SlowSource(milliseconds(0)), FixedTeachers({teacher->endpoint()}), reader_options);
  const ReaderStats stats = Train(*reader, 40, milliseconds(0));
  EXPECT_EQ(stats.bottleneck(), Bottleneck::kHeadOfLine) << stats.ToString();
}

}  // namespace
}  // namespace edl
