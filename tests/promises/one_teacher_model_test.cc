// SPDX-License-Identifier: Apache-2.0
// Promise 9: soft labels of two models never mix in silently; two readers in one process know nothing of each other.
#include <thread>

#include "gmock/gmock.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

using ::testing::HasSubstr;

TEST(OneTeacherModel, ATeacherOfAnotherModelGetsNoRequests) {
  ModelInfo newer = test::RowModel();
  newer.version = "2";
  auto right = test::StartTeacher();
  auto reader_bound = [&](DistillReader& reader) {
    return !reader.Stats().lanes.empty() && reader.Stats().lanes[0].state == "ready";
  };
  auto wrong = test::StartTeacher({}, newer);
  // The first teacher answers first, since the other's endpoint is told later.
  class TwoSteps final : public TeacherWatcher {
   public:
    absl::Status Start(std::function<void(const TeacherSet&)> on_change) override {
      tell_ = std::move(on_change);
      return absl::OkStatus();
    }
    void Tell(std::vector<std::string> endpoints) { tell_({std::move(endpoints)}); }

   private:
    std::function<void(const TeacherSet&)> tell_;
  };
  auto watcher = std::make_unique<TwoSteps>();
  TwoSteps& told = *watcher;
  auto reader = test::NewReader(test::BatchesOf(100, 4), std::move(watcher));
  told.Tell({right->endpoint()});
  while (!reader_bound(*reader)) std::this_thread::yield();
  told.Tell({right->endpoint(), wrong->endpoint()});
  while (reader->Stats().lanes.size() < 2 || reader->Stats().lanes[1].state != "refused") std::this_thread::yield();
  test::ExpectEpoch(*reader, 0, 100, 4);
  EXPECT_EQ(wrong->rows(), 0);
  EXPECT_THAT(reader->Stats().lanes[1].last_error, HasSubstr("rows (version 2)"));
}

TEST(OneTeacherModel, WhenEveryTeacherServesAnotherModelTheReaderSaysSo) {
  auto teacher = test::StartTeacher();
  const std::string endpoint = teacher->endpoint();
  auto reader = test::NewReader(test::BatchesOf(1'000'000, 4), FixedTeachers({endpoint}));
  ASSERT_TRUE(reader->Next().ok());
  teacher.reset();
  ModelInfo newer = test::RowModel();
  newer.version = "2";
  testing::FakeTeacherOptions options;
  options.listen = endpoint;
  teacher = test::StartTeacher(options, newer);
  absl::Status status;
  while (status.ok()) status = reader->Next().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("rows (version 2)"));
  EXPECT_EQ(teacher->rows(), 0);
}

TEST(OneTeacherModel, TwoReadersInOneProcess) {
  auto score = test::StartTeacher();
  ModelInfo other{"negate", "1", "fake", {{"x", DType::kInt64, {-1, 2}}}, {{"minus", DType::kInt64, {-1, 2}}}};
  auto negate = test::StartTeacher({}, other, [](const std::vector<Tensor>& inputs) {
    std::vector<std::int64_t> values;
    for (std::int64_t i = 0; i < inputs[0].element_count(); ++i) {
      values.push_back(-inputs[0].data_as<std::int64_t>()[i]);
    }
    return std::vector<Tensor>{test::Int64s(inputs[0].shape(), std::move(values))};
  });
  ReaderOptions options = test::RowOptions();
  options.predictions = {"minus"};
  auto a = test::NewReader(test::BatchesOf(300, 4), FixedTeachers({score->endpoint()}));
  auto b = test::NewReader(test::BatchesOf(300, 5), FixedTeachers({negate->endpoint()}), options);
  std::thread first([&] { test::ExpectEpoch(*a, 0, 300, 4); });
  std::int64_t id = 0;
  for (auto& batch : b->Epoch()) {
    ASSERT_TRUE(batch.ok()) << batch.status();
    for (int r = 0; r < 5; ++r, ++id) ASSERT_EQ(batch->at("minus").data_as<std::int64_t>()[2 * r], -id);
  }
  first.join();
  b.reset();  // the other goes on
  test::ExpectEpoch(*a, 1, 300, 4);
}

}  // namespace
}  // namespace edl
