// SPDX-License-Identifier: Apache-2.0
// Promise 8: destroying the reader at any moment ends in bounded time, with no thread, call or file left behind.
#include <filesystem>
#include <random>
#include <thread>

#include "tests/support/event.h"
#include "tests/support/rows.h"
#include "tests/support/seed.h"
#include "tests/support/thread_names.h"

namespace edl {
namespace {

// A ragged mixture of everything that can be going on when the reader is destroyed.
TEST(Shutdown, AtAnyMoment) {
  const std::uint64_t seed = test::Seed();
  std::mt19937_64 random(seed);
  auto draw = [&](int least, int most) { return std::uniform_int_distribution<>(least, most)(random); };
  testing::FakeTeacherOptions slow;
  slow.delay = [](const std::vector<Tensor>& inputs) {
    return std::chrono::microseconds(inputs[0].data_as<std::int64_t>()[0] % 700);
  };
  std::vector<std::unique_ptr<testing::FakeTeacher>> teachers;
  for (int t = 0; t < 3; ++t) teachers.push_back(test::StartTeacher(slow));
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(round);
    ReaderOptions options = test::RowOptions(draw(1, 9));
    options.ordered = draw(0, 1) == 1;
    options.window = draw(1, 4);
    options.max_batches_ahead = draw(0, 4);
    auto watcher = draw(0, 9) == 0 ? FixedTeachers({"127.0.0.1:1"}) : test::Watch(teachers);  // sometimes: none there
    const bool reachable = watcher->ToString() != "127.0.0.1:1";
    auto reader = test::NewReader(test::BatchesOf(draw(0, 8), draw(1, 12)), std::move(watcher), options);
    for (int reads = reachable ? draw(0, 12) : 0; reads > 0; --reads) {
      ASSERT_TRUE(reader->Next().ok());
      if (draw(0, 5) == 0) reader->LeaveEpoch();
    }
    if (draw(0, 3) == 0) {
      std::thread stopper([&] { reader->Shutdown(); });
      while (reader->Next().ok()) {
      }
      stopper.join();
    }
  }
}

TEST(Shutdown, AWaitingNextReturnsCancelled) {
  auto reader = test::NewReader(test::BatchesOf(1, 1), FixedTeachers({"127.0.0.1:1"}));  // nobody is there
  std::thread stopper([&] { reader->Shutdown(); });
  EXPECT_EQ(reader->Next().status().code(), absl::StatusCode::kCancelled);
  stopper.join();
  EXPECT_EQ(reader->Next().status().code(), absl::StatusCode::kCancelled);
}

// One request is being computed, the next waits behind it on the teacher when the reader goes: it is never computed.
TEST(Shutdown, AbandonedCallsAreCancelledAtTheTeacher) {
  Event release;
  auto teacher = test::StartTeacher({}, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    release.Wait();
    return test::ScoreRows(inputs);
  });
  ReaderOptions two_at_a_time = test::RowOptions();
  two_at_a_time.window = 2;
  auto reader = test::NewReader(test::BatchesOf(10, 4), FixedTeachers({teacher->endpoint()}), two_at_a_time);
  while (teacher->accepted() < 2 || teacher->calls() < 1) std::this_thread::yield();
  reader.reset();  // does not wait for the teacher
  while (teacher->cancelled() < 1) std::this_thread::yield();
  release.Set();
  // A teacher serves in order: when this reader's batch is back, whatever was queued before it has been dealt with.
  auto next = test::NewReader(test::BatchesOf(1, 4), FixedTeachers({teacher->endpoint()}), [] {
    ReaderOptions options = test::RowOptions();
    options.num_epochs = 1;
    return options;
  }());
  test::ExpectEpoch(*next, 0, 1, 4);
  EXPECT_EQ(teacher->calls(), 2);
}

std::int64_t OpenFiles() {
  auto files = std::filesystem::directory_iterator("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

// Waits, as thread_names.h says, until the reader has that many threads.
void AwaitReaderThreads(std::int64_t count) {
  while (test::ThreadsNamed({"edl-source", "edl-control"}) != count) std::this_thread::yield();
}

TEST(Shutdown, NoThreadAndNoFileIsLeft) {
  auto teacher = test::StartTeacher();
  auto use_a_reader = [&] {
    auto reader = test::NewReader(test::BatchesOf(20, 4), FixedTeachers({teacher->endpoint()}));
    ASSERT_TRUE(reader->Next().ok());
    AwaitReaderThreads(2);
  };
  use_a_reader();  // what gRPC opens once for the process
  AwaitReaderThreads(0);
  const std::int64_t files = OpenFiles();
  for (int i = 0; i < 20; ++i) use_a_reader();
  AwaitReaderThreads(0);
  // A closed connection's file goes when both ends have noticed: the teacher, in this process, shortly after.
  while (OpenFiles() > files) std::this_thread::yield();
}

}  // namespace
}  // namespace edl
