// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/health_check.h"

#include <atomic>
#include <memory>

#include "gmock/gmock.h"
#include "tests/support/event.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

// A model whose check does what the test says.
class CheckedModel final : public Model {
 public:
  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>&) override { return std::vector<Tensor>(); }
  absl::Status SelfCheck() override {
    ++checks;
    return check();
  }

  std::function<absl::Status()> check = [] { return absl::OkStatus(); };
  std::atomic<int> checks{0};

 private:
  const ModelInfo info_{};
};

// An instance that computes until the test lets it go.
class LongJob final : public InstanceJob {
 public:
  void Run() override {
    running.Set();
    go.Wait();
  }
  void Answer() override { done.Set(); }
  void Abandon() override {}

  Event running, go, done;
};

TEST(HealthCheck, IsTheModelsOwnWhileNoRequestsCome) {
  CheckedModel model;
  InstancePool pool(1);
  ServerCounters counters;
  HealthCheck health(model, pool, counters);
  EXPECT_TRUE(health.Check(milliseconds(1000)).ok());
  model.check = [] { return absl::InternalError("the device is gone"); };
  EXPECT_THAT(health.Check(milliseconds(1000)).ToString(), HasSubstr("the device is gone"));
  model.check = []() -> absl::Status { throw std::runtime_error("no memory"); };
  EXPECT_THAT(health.Check(milliseconds(1000)).ToString(), HasSubstr("no memory"));
  model.check = [] { return absl::OkStatus(); };
  EXPECT_TRUE(health.Check(milliseconds(1000)).ok());
  EXPECT_EQ(model.checks, 4);
}

TEST(HealthCheck, CostsNothingWhileRequestsAreAnswered) {
  CheckedModel model;
  InstancePool pool(1);
  ServerCounters counters;
  HealthCheck health(model, pool, counters);
  for (int beat = 0; beat < 5; ++beat) {
    Count(counters.answered);
    EXPECT_TRUE(health.Check(milliseconds(1000)).ok());
  }
  EXPECT_EQ(model.checks, 0);
}

TEST(HealthCheck, ALongRequestIsNoHangButAHangIs) {
  CheckedModel model;
  InstancePool pool(1);
  ServerCounters counters;
  LongJob job;
  HealthCheck health(model, pool, counters);
  ASSERT_TRUE(pool.Submit(&job));
  job.running.Wait();
  EXPECT_TRUE(health.Check(milliseconds(3'600'000)).ok());
  EXPECT_EQ(health.Check(milliseconds(100)).code(), absl::StatusCode::kDeadlineExceeded);
  Count(counters.answered);  // another instance's, say: it moves on
  EXPECT_TRUE(health.Check(milliseconds(100)).ok());
  job.go.Set();
  job.done.Wait();
  EXPECT_TRUE(health.Check(milliseconds(3'600'000)).ok());
}

TEST(HealthCheck, OfAServerThatHasStoppedIsNotWell) {
  CheckedModel model;
  InstancePool pool(1);
  ServerCounters counters;
  HealthCheck health(model, pool, counters);
  pool.Close();
  EXPECT_EQ(health.Check(milliseconds(1000)).code(), absl::StatusCode::kUnavailable);
}

TEST(HealthCheck, CanBeDestroyedWhileItsCheckWaitsOrRuns) {
  CheckedModel model;
  InstancePool pool(1);
  ServerCounters counters;
  LongJob job;
  ASSERT_TRUE(pool.Submit(&job));
  job.running.Wait();
  { EXPECT_TRUE(HealthCheck(model, pool, counters).Check(milliseconds(3'600'000)).ok()); }  // it waits behind the job
  job.go.Set();
  job.done.Wait();
  EXPECT_EQ(model.checks, 0);
}

}  // namespace
}  // namespace edl
