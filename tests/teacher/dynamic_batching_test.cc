// SPDX-License-Identifier: Apache-2.0
// Requests that wait are computed together, and nobody can tell by the answers.
#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "src/base/mutex.h"
#include "src/teacher/server.h"
#include "tests/support/barrier.h"
#include "tests/support/function_model.h"
#include "tests/support/rows.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;

constexpr std::chrono::seconds kLong{1};  // the longest that is allowed; no test waits for it

// Doubles x FP32 [-1, -1], whose rows are as long as one likes; throws on a -1. It says how many rows came at a time.
class Doubler {
 public:
  explicit Doubler(std::int64_t max_rows, std::chrono::microseconds delay, int instances = 1) {
    TeacherServerOptions options;
    options.max_batch_rows = max_rows;
    options.max_batch_delay = delay;
    options.instances = instances;
    ModelInfo info{"doubler", "1", "test", {{"x", DType::kFp32, {-1, -1}}}, {{"y", DType::kFp32, {-1, -1}}}};
    server_ = TeacherServer::Start(options, std::make_unique<FunctionModel>(
                                                info, [this](const auto& inputs) { return Double(inputs[0]); }))
                  .value();
  }

  TeacherServer& server() { return *server_; }
  std::vector<std::int64_t> runs() {
    MutexLock lock(mu_);
    return runs_;
  }

  // Sends all of them at a time, each a request, when all are connected (a first connection may fail, and gRPC tries
  // again a second later); gives what came back, or nothing for a failure.
  std::vector<std::vector<float>> Ask(const std::vector<std::vector<float>>& requests, std::int64_t row_length = 1) {
    std::vector<std::vector<float>> replies(requests.size());
    test::Barrier connected(static_cast<int>(requests.size()));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      threads.emplace_back([&, i] {
        WireClient client(server_->endpoint());
        EXPECT_TRUE(client.Connect());
        connected.Wait();
        inference::ModelInferRequest request;
        AddRaw(request, "x", "FP32", {static_cast<std::int64_t>(requests[i].size()) / row_length, row_length},
               requests[i]);
        inference::ModelInferResponse reply;
        if (client.Infer(request, &reply).ok()) replies[i] = RawOutput<float>(reply, 0);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return replies;
  }

 private:
  absl::StatusOr<std::vector<Tensor>> Double(const Tensor& x) {
    {
      MutexLock lock(mu_);
      runs_.push_back(x.rows());
    }
    std::vector<float> y;
    for (std::int64_t i = 0; i < x.element_count(); ++i) {
      if (x.data_as<float>()[i] == -1) throw std::runtime_error("no negative numbers, please");
      y.push_back(2 * x.data_as<float>()[i]);
    }
    return std::vector<Tensor>{Tensor::FromVector<float>(x.shape(), std::move(y)).value()};
  }

  Mutex mu_;
  std::vector<std::int64_t> runs_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<TeacherServer> server_;
};

TEST(DynamicBatching, RunsTheModelOnceForRequestsThatFillABatch) {
  Doubler doubler(6, kLong);
  EXPECT_THAT(doubler.Ask({{1, 2}, {3}, {4, 5, 6}}),
              ElementsAre(ElementsAre(2, 4), ElementsAre(6), ElementsAre(8, 10, 12)));
  EXPECT_THAT(doubler.runs(), ElementsAre(6));
  EXPECT_EQ(doubler.server().stats().calls, 3);
  EXPECT_EQ(doubler.server().stats().runs, 1);
}

TEST(DynamicBatching, GoesOnAloneWhenTheDelayIsOver) {
  Doubler doubler(100, std::chrono::milliseconds(5));
  EXPECT_THAT(doubler.Ask({{1, 2}}), ElementsAre(ElementsAre(2, 4)));
  EXPECT_THAT(doubler.runs(), ElementsAre(2));
}

TEST(DynamicBatching, LetsOnlyTheRequestFailThatMakesTheModelFail) {
  Doubler doubler(4, kLong);
  EXPECT_THAT(doubler.Ask({{1}, {-1}, {3}, {4}}),
              ElementsAre(ElementsAre(2), ElementsAre(), ElementsAre(6), ElementsAre(8)));
  EXPECT_EQ(doubler.server().stats().failed, 1);
  EXPECT_EQ(doubler.server().stats().answered, 3);
}

TEST(DynamicBatching, DoesNotJoinRowsOfDifferentShapes) {
  Doubler doubler(4, std::chrono::milliseconds(5));
  std::vector<std::vector<float>> two, one;
  std::thread other([&] { two = doubler.Ask({{1, 2}, {3, 4}}, 2); });
  one = doubler.Ask({{5}, {6}}, 1);
  other.join();
  EXPECT_THAT(one, ElementsAre(ElementsAre(10), ElementsAre(12)));
  EXPECT_THAT(two, ElementsAre(ElementsAre(2, 4), ElementsAre(6, 8)));
  EXPECT_THAT(doubler.runs(), Each(Le(2)));
}

TEST(DynamicBatching, NeverExceedsTheBound) {
  Doubler doubler(5, std::chrono::milliseconds(1), 3);
  for (int round = 0; round < 20; ++round) {
    const auto replies = doubler.Ask({{1, 2, 3}, {4, 5}, {6, 7, 8}, {9}});
    ASSERT_THAT(replies,
                ElementsAre(ElementsAre(2, 4, 6), ElementsAre(8, 10), ElementsAre(12, 14, 16), ElementsAre(18)));
  }
  EXPECT_THAT(doubler.runs(), Each(Le(5)));
}

TEST(DynamicBatching, ServesSeveralStudentsEachWithTheLabelsOfItsRows) {
  TeacherServerOptions options;
  options.max_batch_rows = 32;
  options.max_batch_delay = std::chrono::microseconds(500);
  options.instances = 2;
  auto server =
      TeacherServer::Start(options, std::make_unique<FunctionModel>(test::RowModel(), test::ScoreRows)).value();
  std::vector<std::thread> students;
  for (int s = 0; s < 4; ++s) {
    students.emplace_back([&] {
      auto reader = test::NewReader(test::BatchesOf(100, 7), FixedTeachers({server->endpoint()}));
      for (int epoch = 0; epoch < 3; ++epoch) test::ExpectEpoch(*reader, epoch, 100, 7);
    });
  }
  for (std::thread& student : students) student.join();
  EXPECT_LT(server->stats().runs, server->stats().calls);
}

TEST(DynamicBatching, StopsWhileARequestWaitsForOthers) {
  for (int round = 0; round < 20; ++round) {
    auto doubler = std::make_unique<Doubler>(100, kLong);
    std::thread asking([&, &server = doubler->server()] {
      WireClient client(server.endpoint());
      inference::ModelInferRequest request;
      AddRaw(request, "x", "FP32", {1, 1}, std::vector<float>{1});
      EXPECT_FALSE(client.Infer(request).ok());
    });
    doubler->server().Stop();
    asking.join();
  }
}

}  // namespace
}  // namespace edl
