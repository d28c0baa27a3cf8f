// SPDX-License-Identifier: Apache-2.0
// Promise 11, in every detail: a trace has each thing that a reader did, once; its file is whole however that ended.
#include <cstdlib>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "tests/support/event.h"
#include "tests/support/rows.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/seed.h"
#include "tests/support/trace_log.h"

namespace edl {
namespace {

using std::chrono::microseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Trace : public ::testing::Test {
 protected:
  std::string Path(const std::string& name = "trace.json") const { return folder_.path() / name; }
  ReaderOptions Options(const std::string& name = "trace.json") const {
    ReaderOptions options = test::RowOptions();
    options.trace_file = Path(name);
    return options;
  }

  test::ScratchFolder folder_;
};

std::int64_t AttemptsOf(const DistillReader& reader) {
  std::int64_t attempts = 0;
  for (const LaneStats& lane : reader.Stats().lanes) attempts += lane.attempts;
  return attempts;
}

TEST_F(Trace, HasEachPullSplitAttemptAndStepOnce) {
  auto one = test::StartTeacher();
  auto other = test::StartTeacher();
  ReaderOptions options = Options();
  options.num_epochs = 2;
  options.hedge_budget = 0;
  {
    auto reader =
        test::NewReader(test::BatchesOf(10, 10), FixedTeachers({one->endpoint(), other->endpoint()}), options);
    for (std::int64_t epoch = 0; epoch < 2; ++epoch) test::ExpectEpoch(*reader, epoch, 10, 10);
    EXPECT_EQ(AttemptsOf(*reader), 60);
  }
  test::TraceLog log(Path());
  EXPECT_THAT(log.Of("source", "pull"), SizeIs(22)) << "10 batches an epoch, and that there are no more";
  EXPECT_THAT(log.Of("source", "split"), SizeIs(20));
  EXPECT_THAT(log.Of("source", "waits for a first teacher"), SizeIs(1));
  EXPECT_THAT(log.Of("student", "step"), SizeIs(20));
  EXPECT_THAT(log.Of("student", "between epochs"), SizeIs(2));
  EXPECT_THAT(log.Of("student", "Next() waits"), ::testing::Not(SizeIs(0)));
  const auto attempts = log.Attempts();
  EXPECT_THAT(attempts, SizeIs(60));
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    for (std::int64_t batch = 0; batch < 10; ++batch) {
      for (std::int64_t row : {0, 4, 8}) {
        auto attempt = attempts.find({epoch, batch, row, 1, "first"});
        ASSERT_TRUE(attempt != attempts.end());
        EXPECT_EQ(attempt->second.second.args["status"], "OK");
        EXPECT_EQ(attempt->second.second.args["rows"], row == 8 ? 2 : 4);
      }
    }
  }
  ASSERT_THAT(log.ready(), SizeIs(2 * 20));
  EXPECT_EQ(log.ready().back(), 0);
  EXPECT_EQ(log.stopped(), "");
}

TEST_F(Trace, ShowsWhenTheSourceIsHeldBack) {
  auto teacher = test::StartTeacher();
  ReaderOptions options = Options();
  options.num_epochs = 2;
  options.max_batches_ahead = 1;
  {
    auto reader =
        test::NewReader(test::BatchesOf(10, 4, SourceOptions{false}), FixedTeachers({teacher->endpoint()}), options);
    for (std::int64_t epoch = 0; epoch < 2; ++epoch) test::ExpectEpoch(*reader, epoch, 10, 4);
  }
  test::TraceLog log(Path());
  EXPECT_THAT(log.Of("source", "held back: no room for a batch"), ::testing::Not(SizeIs(0)));
  EXPECT_THAT(log.Of("source", "held back: the epoch is not asked for"), SizeIs(2));
}

TEST_F(Trace, ShowsAHedgeAndAnArrowToItFromTheAttemptThatIsSlow) {
  Event release;
  std::atomic<bool> hangs{false};
  testing::FakeTeacherOptions quick;
  quick.delay = [](const auto&) { return microseconds(500); };
  auto good = test::StartTeacher(quick);
  auto hung = test::StartTeacher(quick, test::RowModel(), [&](const std::vector<Tensor>& inputs) {
    if (hangs) release.Wait();
    return test::ScoreRows(inputs);
  });
  ReaderOptions options = Options();
  options.hedge_budget = 1;
  {
    auto reader =
        test::NewReader(test::BatchesOf(1'000'000, 4), FixedTeachers({hung->endpoint(), good->endpoint()}), options);
    for (int i = 0; reader->Stats().hedges_won == 0; ++i) {
      ASSERT_TRUE(reader->Next().ok());
      hangs = i > 300;
    }
  }
  release.Set();
  test::TraceLog log(Path());
  int won = 0;
  for (const auto& [key, attempt] : log.Attempts()) {
    won += std::get<4>(key) == "hedge" && attempt.second.args["status"] == "OK" ? 1 : 0;
  }
  EXPECT_GE(won, 1);
  ASSERT_FALSE(log.arrows().empty());
  for (const test::TraceArrow& arrow : log.arrows()) {
    const test::TraceSlice* slow = log.At(arrow.from_row, arrow.from);
    const test::TraceSlice* hedge = log.At(arrow.to_row, arrow.to);
    ASSERT_TRUE(slow != nullptr && hedge != nullptr);
    for (const char* same : {"epoch", "batch", "first_row"}) EXPECT_EQ(slow->args[same], hedge->args[same]);
  }
}

TEST_F(Trace, TheEnvironmentWinsAndASecondReaderTakesAnotherFile) {
  auto teacher = test::StartTeacher();
  setenv("EDL_TRACE", Path("shared.json").c_str(), 1);
  {
    auto first = test::NewReader(test::BatchesOf(5, 4), FixedTeachers({teacher->endpoint()}), Options());
    auto second = test::NewReader(test::BatchesOf(5, 4), FixedTeachers({teacher->endpoint()}), Options());
    unsetenv("EDL_TRACE");
    EXPECT_THAT(second->ConfigString(), HasSubstr("trace_file = " + Path("shared.2.json") + "\n"));
    test::ExpectEpoch(*first, 0, 5, 4);
    test::ExpectEpoch(*second, 0, 5, 4);
  }
  for (const char* name : {"shared.json", "shared.2.json"}) {
    EXPECT_GE(test::TraceLog(Path(name)).Attempts().size(), 5u);
  }
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(Trace, CreateSaysWhatIsWrongWithTheFileOrItsLimit) {
  ReaderOptions nowhere = Options("no/such/folder.json");
  auto reader = DistillReader::Create(test::BatchesOf(1, 1), FixedTeachers({"127.0.0.1:1"}), nowhere);
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(reader.status().message()),
              AllOf(HasSubstr("no/such/folder.json"), HasSubstr("No such file or directory"), HasSubstr("EDL_TRACE")));
  ReaderOptions tiny = Options();
  tiny.trace_max_bytes = 100;
  EXPECT_THAT(std::string(tiny.Validate().message()), HasSubstr("trace_max_bytes is 100; expected 4096 to"));
}

TEST_F(Trace, TheReaderGoesOnWhenTheLimitIsReached) {
  auto teacher = test::StartTeacher();
  ReaderOptions options = Options();
  options.trace_max_bytes = 10'000;
  {
    auto reader = test::NewReader(test::BatchesOf(2000, 4), FixedTeachers({teacher->endpoint()}), options);
    test::ExpectEpoch(*reader, 0, 2000, 4);
  }
  EXPECT_LE(std::filesystem::file_size(Path()), 10'000u);
  EXPECT_THAT(test::TraceLog(Path()).stopped(), HasSubstr("trace_max_bytes"));
}

TEST_F(Trace, OfAReaderThatFailsIsWhole) {
  auto teacher = test::StartTeacher();
  auto source = FromBatches([&](std::int64_t) -> Generator<Fields> {
    return [i = 0]() mutable -> absl::StatusOr<std::optional<Fields>> {
      if (i == 5) return absl::DataLossError("the disk is gone");
      return std::optional<Fields>(test::MakeBatch(4 * i++, 4));
    };
  });
  {
    auto reader = test::NewReader(std::move(source), FixedTeachers({teacher->endpoint()}), Options());
    while (reader->Next().ok()) {
    }
  }
  EXPECT_THAT(test::TraceLog(Path()).Of("student", "step"), SizeIs(5));
}

// Everything that can go on when a reader ends, at any moment of it: the file is whole, and has each attempt once.
TEST_F(Trace, IsWholeWheneverTheReaderEnds) {
  std::mt19937_64 random(test::Seed());
  auto draw = [&](int least, int most) { return std::uniform_int_distribution<>(least, most)(random); };
  testing::FakeTeacherOptions uneven;
  uneven.instances = 2;
  uneven.delay = [](const std::vector<Tensor>& inputs) {
    const std::int64_t id = inputs[0].data_as<std::int64_t>()[0];
    return microseconds(id % 20 == 0 ? 10'000 : id % 500);
  };
  std::vector<std::unique_ptr<testing::FakeTeacher>> teachers;
  for (int t = 0; t < 3; ++t) teachers.push_back(test::StartTeacher(uneven));
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    const std::string name = "trace" + std::to_string(round) + ".json";
    ReaderOptions options = Options(name);
    options.ordered = draw(0, 1) == 1;
    options.window = draw(1, 4);
    options.hedge_budget = 1;
    options.max_batches_ahead = draw(0, 4);
    if (draw(0, 3) == 0) options.trace_max_bytes = 4096;
    std::int64_t attempts = 0;
    {
      auto reader = test::NewReader(test::BatchesOf(draw(0, 30), draw(1, 12)), test::Watch(teachers), options);
      for (int reads = draw(0, 60); reads > 0; --reads) {
        ASSERT_TRUE(reader->Next().ok());
        if (draw(0, 20) == 0) reader->LeaveEpoch();
      }
      if (draw(0, 1) == 0) {
        std::thread stopper([&] { reader->Shutdown(); });
        while (reader->Next().ok()) {
        }
        stopper.join();
        attempts = AttemptsOf(*reader);
      }
    }
    const test::TraceLog log(Path(name));
    EXPECT_LE(std::filesystem::file_size(Path(name)), options.trace_max_bytes);
    const std::size_t seen = log.Attempts().size();  // each once
    EXPECT_TRUE(!log.stopped().empty() || static_cast<std::int64_t>(seen) >= attempts) << seen << " of " << attempts;
  }
}

}  // namespace
}  // namespace edl
