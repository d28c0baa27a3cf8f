// SPDX-License-Identifier: Apache-2.0
// DispatcherFixture: a Dispatcher with scripted teachers and a clock that the test moves.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "src/dispatch/dispatcher.h"
#include "tests/support/manual_executor.h"
#include "tests/support/rows.h"
#include "tests/support/scripted_teachers.h"

namespace edl::test {

class DispatcherFixture : public ::testing::Test, private RequestSink {
 protected:
  DispatcherFixture() {
    options_ = RowOptions();
    options_.window = 2;
  }

  ~DispatcherFixture() override {
    dispatcher().Fail(absl::CancelledError("the test is over"));
    teachers_.CancelProbes();
    teachers_.AnswerCancelled();
    executor_.RunDue();
    dispatcher_->AwaitIdle();
  }

  Dispatcher& dispatcher() {
    if (dispatcher_ == nullptr) {
      dispatcher_ = std::make_unique<Dispatcher>(
          options_, executor_, [this](const std::string& endpoint) { return teachers_.Connect(endpoint); }, 64,
          [this](std::int64_t windows) { windows_ = windows; }, max_lanes_);
    }
    return *dispatcher_;
  }

  void Follow(std::vector<std::string> endpoints) {
    dispatcher().SetTeachers({std::move(endpoints)});
    executor_.RunDue();
  }
  // Makes the teacher known and ready.
  void AnswerProbe(const std::string& endpoint, absl::StatusOr<ModelInfo> info = RowModel()) {
    ASSERT_FALSE(teachers_[endpoint].probes.empty()) << endpoint << " is not being probed";
    teachers_[endpoint].AnswerProbe(std::move(info));
    executor_.RunDue();
  }

  TeacherRequest& Submit(std::shared_ptr<const Cancellation> cancellation = std::make_shared<Cancellation>(),
                         std::vector<WireTensor> inputs = {}) {
    auto request = std::make_unique<TeacherRequest>();
    request->inputs = std::move(inputs);
    request->rows = 1;
    request->cancellation = std::move(cancellation);
    request->sink = this;
    requests_.push_back(std::move(request));
    TeacherRequest& submitted = *requests_.back();
    dispatcher().Submit(submitted);
    return submitted;
  }

  static InferReply Reply(std::int64_t rows = 1) {
    InferReply reply{"rows", "1", "", {}};
    reply.outputs.push_back(ToWireTensor("score", Int64s({rows, 3}, std::vector<std::int64_t>(3 * rows))));
    return reply;
  }

  // Answers the teacher's oldest call, and lets the keeper do what follows at once.
  void Answer(const std::string& endpoint, absl::StatusOr<InferReply> reply) {
    ASSERT_FALSE(teachers_[endpoint].calls.empty()) << endpoint << " has no call";
    teachers_[endpoint].Answer(std::move(reply));
    executor_.RunDue();
  }

  std::size_t InFlight(const std::string& endpoint) { return teachers_[endpoint].calls.size(); }

  void OnReply(TeacherRequest&, absl::StatusOr<std::vector<WireTensor>> predictions) override {
    finished_.push_back(predictions.status());
  }
  std::string Describe(const TeacherRequest&) const override { return "batch 7 of epoch 0, rows 0 to 0"; }

  ReaderOptions options_;
  std::size_t max_lanes_ = LaneTable::kCapacity;
  ManualExecutor executor_;
  ScriptedTeachers teachers_;
  std::vector<std::unique_ptr<TeacherRequest>> requests_;
  std::vector<absl::Status> finished_;
  std::int64_t windows_ = 0;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace edl::test
