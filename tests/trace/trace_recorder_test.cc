// SPDX-License-Identifier: Apache-2.0
#include "src/trace/trace_recorder.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/trace/trace_span.h"
#include "tests/support/barrier.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/seed.h"
#include "tests/support/trace_log.h"

namespace edl {
namespace {

using std::chrono::microseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::size_t kMegabyte = 1 << 20;

std::unique_ptr<TraceRecorder> Start(const std::string& path, std::size_t max_bytes = kMegabyte) {
  auto recorder = TraceRecorder::Start(path, max_bytes);
  EXPECT_TRUE(recorder.ok()) << recorder.status();
  return *std::move(recorder);
}

TraceEvent Attempt(int teacher, int place, TimePoint from, std::int64_t batch) {
  TraceEvent event;
  event.kind = TraceEvent::Kind::kAttempt;
  event.from = from;
  event.to = from + microseconds(50);
  event.item = {0, batch};
  event.attempt.teacher = teacher;
  event.attempt.place = place;
  event.attempt.rows = 4;
  return event;
}

std::string Read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(TraceRecorder, SaysEachEventOnce) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "trace.json";
  {
    auto recorder = Start(path);
    EXPECT_EQ(recorder->path(), path);
    { TraceSpan span(recorder.get(), TraceEvent::Kind::kPull, {0, 7}); }
    { TraceSpan none(nullptr, TraceEvent::Kind::kPull, {0, 7}); }
    const TimePoint now = std::chrono::steady_clock::now();
    TraceEvent failed = Attempt(recorder->TeacherNumber("a:1"), 3, now, 7);
    failed.attempt.status = absl::StatusCode::kUnavailable;
    recorder->Record(failed);
    TraceEvent retry = Attempt(recorder->TeacherNumber("b:1"), 0, now + microseconds(60), 7);
    retry.attempt.role = AttemptEvent::Role::kRetry;
    retry.attempt.number = 2;
    retry.attempt.after = {failed.attempt.teacher, 3, failed.to - microseconds(1)};
    recorder->Record(retry);
    recorder->CountReady(1);
    recorder->CountReady(-1);
  }
  test::TraceLog log(path);
  ASSERT_THAT(log.Of("source", "pull"), SizeIs(1));
  EXPECT_EQ(log.Of("source", "pull")[0].args["batch"], 7);
  EXPECT_EQ(log.ready(), (std::vector<std::int64_t>{1, 0}));
  auto attempts = log.Attempts();
  ASSERT_THAT(attempts, SizeIs(2));
  const auto& [failed_row, failed] = attempts.at({0, 7, 0, 1, "first"});
  EXPECT_EQ(log.Endpoint(failed_row), "a:1");
  EXPECT_EQ(failed.name, "batch 7: UNAVAILABLE");
  EXPECT_EQ(failed.to - failed.from, 50'000);
  const auto& [retry_row, retry] = attempts.at({0, 7, 0, 2, "retry"});
  EXPECT_EQ(log.Endpoint(retry_row), "b:1");
  EXPECT_EQ(retry.name, "retry: batch 7");
  ASSERT_THAT(log.arrows(), SizeIs(1));
  EXPECT_EQ(log.At(log.arrows()[0].from_row, log.arrows()[0].from)->name, failed.name);
  EXPECT_EQ(log.At(log.arrows()[0].to_row, log.arrows()[0].to)->name, retry.name);
}

TEST(TraceRecorder, QuotesWhatOthersHaveChosen) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "trace.json";
  const std::string endpoint = "unix:/tmp/a \"b\"\\\n\x01";
  {
    auto recorder = Start(path);
    recorder->Record(Attempt(recorder->TeacherNumber(endpoint), 0, std::chrono::steady_clock::now(), 0));
    recorder->TeacherNumber("not UTF-8: \xff");
  }
  test::TraceLog log(path);
  ASSERT_THAT(log.Attempts(), SizeIs(1));
  EXPECT_EQ(log.Endpoint(log.Attempts().begin()->second.first), endpoint);
}

TEST(TraceRecorder, StopsAtItsLimitAndTheFileIsWhole) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "trace.json";
  for (const std::size_t limit : {std::size_t{4096}, std::size_t{100'000}}) {
    const std::string file = absl::StrCat(path, limit);
    {
      auto recorder = Start(file, limit);
      const int teacher = recorder->TeacherNumber("a:1");
      const TimePoint start = std::chrono::steady_clock::now();
      for (int i = 0; i < 2000; ++i) recorder->Record(Attempt(teacher, 0, start + i * microseconds(100), i));
    }
    test::TraceLog log(file);
    const std::size_t size = Read(file).size();
    EXPECT_LE(size, limit);
    EXPECT_GT(size, limit - 1024);
    EXPECT_THAT(log.stopped(), HasSubstr(absl::StrCat("it has reached trace_max_bytes, ", limit)));
    EXPECT_GT(log.Attempts().size(), 10u);
    EXPECT_LT(log.Attempts().size(), 2000u);
  }
}

// A device: nothing of it is ever written.
TEST(TraceRecorder, AFullDiskEndsTheRecordingAndNothingElse) {
  auto recorder = Start("/dev/full");
  const int teacher = recorder->TeacherNumber("a:1");
  while (recorder->recording()) {
    recorder->Record(Attempt(teacher, 0, std::chrono::steady_clock::now(), 0));
    std::this_thread::yield();
  }
}

// Files of this process may have so many bytes, as if the disk were full after them.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
    std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

TEST(TraceRecorder, ADiskThatFillsUpLeavesAWholeFile) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "trace.json";
  {
    const FullDisk disk(50'000);
    auto recorder = Start(path, 64 * kMegabyte);
    const int teacher = recorder->TeacherNumber("a:1");
    for (std::int64_t i = 0; recorder->recording(); ++i) {
      const TimePoint from = std::chrono::steady_clock::now();
      while (std::chrono::steady_clock::now() < from + microseconds(60)) std::this_thread::yield();
      recorder->Record(Attempt(teacher, 0, from, i));
    }
  }
  test::TraceLog log(path);
  EXPECT_THAT(log.stopped(), HasSubstr("File too large"));
  EXPECT_LE(Read(path).size(), 50'000u);
}

TEST(TraceRecorder, APipeIsRefused) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(TraceRecorder::Start(path, kMegabyte).status().ToString(), HasSubstr("it is a pipe"));
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_THAT(TraceRecorder::Start(path, kMegabyte).status().ToString(), HasSubstr("it is a pipe"));
  close(reader);
}

TEST(TraceRecorder, OfManyReadersTheSeventeenthIsNotTraced) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "trace.json";
  for (int i = 0; i < 16; ++i) ASSERT_NE(Start(path), nullptr);
  auto none = TraceRecorder::Start(path, kMegabyte);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(*none, nullptr);
}

TEST(TraceRecorder, AnotherOneOfTheSameFileTakesTheNextName) {
  test::ScratchFolder folder;
  folder.Write("trace.json", "of an earlier process, and longer than what comes now" + std::string(4096, '.'));
  const std::string path = folder.path() / "trace.json";
  auto first = Start(path);
  auto second = Start(path);
  EXPECT_EQ(first->path(), path);
  EXPECT_EQ(second->path(), folder.path() / "trace.2.json");
  first.reset();
  auto third = Start(path);  // the first has ended, and what it recorded is worth keeping
  EXPECT_EQ(third->path(), folder.path() / "trace.3.json");
  second.reset();
  third.reset();
  for (const char* name : {"trace.json", "trace.2.json", "trace.3.json"}) test::TraceLog log(folder.path() / name);
  auto unnamed = Start(folder.path() / "trace");
  EXPECT_EQ(Start(folder.path() / "trace")->path(), folder.path() / "trace.2");
}

TEST(TraceRecorder, SaysWhyAFileCannotBeWritten) {
  test::ScratchFolder folder;
  const std::string nowhere = folder.path() / "no" / "trace.json";
  for (const std::string& path : {nowhere, folder.path().string()}) {
    const absl::Status status = TraceRecorder::Start(path, kMegabyte).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(path), HasSubstr("cannot be written"), HasSubstr("EDL_TRACE")));
  }
}

// Whole lines, but perhaps for the last: with a bracket behind them they are an array.
TEST(TraceRecorder, AKilledProcessLeavesAnArrayWithoutItsEnd) {
  test::ScratchFolder folder;
  const std::string path = folder.path() / "trace.json";
  const pid_t traced = fork();
  ASSERT_GE(traced, 0);
  if (traced == 0) {
    auto recorder = Start(path, 64 * kMegabyte);
    const int teacher = recorder->TeacherNumber("a:1");
    for (std::int64_t i = 0;; ++i) recorder->Record(Attempt(teacher, 0, std::chrono::steady_clock::now(), i));
  }
  int status = 0;
  while (Read(path).size() < 10'000 && waitpid(traced, &status, WNOHANG) == 0) std::this_thread::yield();
  kill(traced, SIGKILL);
  ASSERT_EQ(waitpid(traced, &status, 0), traced) << "it ended by itself";
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  const std::string text = Read(path);
  EXPECT_TRUE(nlohmann::json::accept(text.substr(0, text.rfind(",\n")) + "]"));
}

// Everything at once from many threads, in rounds that end at any moment: what is in the file is whole, none is lost.
TEST(TraceRecorder, ManyThreadsLoseNothing) {
  std::mt19937_64 random(test::Seed());
  constexpr int kThreads = 6;
  test::ScratchFolder folder;
  for (int round = 0; round < 12; ++round) {
    const std::string path = folder.path() / absl::StrCat("trace", round, ".json");
    const auto events = static_cast<std::int64_t>(random() % 500);
    {
      auto recorder = Start(path, 64 * kMegabyte);
      test::Barrier barrier(kThreads);
      std::vector<std::thread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          barrier.Wait();
          for (std::int64_t i = 0; i < events; ++i) {
            recorder->CountReady(1);
            const TimePoint from = std::chrono::steady_clock::now();
            TraceEvent event = Attempt(recorder->TeacherNumber(absl::StrCat("teacher:", i % 3)), t, from, i);
            event.to = std::chrono::steady_clock::now();
            event.attempt.first_row = t;
            recorder->Record(event);
            recorder->CountReady(-1);
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    test::TraceLog log(path);
    EXPECT_EQ(log.Attempts().size(), static_cast<std::size_t>(kThreads * events));
    ASSERT_EQ(log.ready().size(), static_cast<std::size_t>(2 * kThreads * events));
    for (std::size_t i = 0; i < log.ready().size(); ++i) {
      ASSERT_EQ(std::abs(log.ready()[i] - (i == 0 ? 0 : log.ready()[i - 1])), 1) << "counted in the order of time";
      ASSERT_GE(log.ready()[i], 0);
    }
  }
}

}  // namespace
}  // namespace edl
