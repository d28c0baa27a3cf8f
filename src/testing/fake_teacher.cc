// SPDX-License-Identifier: Apache-2.0
#include "edl/testing/fake_teacher.h"

#include <utility>

#include "src/base/mutex.h"
#include "src/base/status.h"
#include "src/teacher/server.h"

namespace edl::testing {
namespace {

using Delay = std::function<std::chrono::microseconds(const std::vector<Tensor>& inputs)>;

// Wakes everybody who sleeps on it, now and later.
class Alarm {
 public:
  void Ring() {
    MutexLock lock(mu_);
    rung_ = true;
    changed_.NotifyAll();
  }

  // False when the alarm rang first.
  bool Sleep(std::chrono::microseconds time) {
    auto until = std::chrono::steady_clock::now() + time;
    MutexLock lock(mu_);
    while (!rung_ && std::chrono::steady_clock::now() < until) changed_.WaitUntil(mu_, until);
    return !rung_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool rung_ ABSL_GUARDED_BY(mu_) = false;
};

class FunctionModel final : public Model {
 public:
  FunctionModel(ModelInfo info, FakeTeacher::Function function, Delay delay, std::shared_ptr<Alarm> stop)
      : info_(std::move(info)), function_(std::move(function)), delay_(std::move(delay)), stop_(std::move(stop)) {}

  const ModelInfo& info() const override { return info_; }

  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) override {
    if (delay_ && !stop_->Sleep(delay_(inputs))) return absl::UnavailableError("the fake teacher was stopped");
    return function_(inputs);
  }

 private:
  const ModelInfo info_;
  const FakeTeacher::Function function_;
  const Delay delay_;
  const std::shared_ptr<Alarm> stop_;
};

class FakeTeacherImpl final : public FakeTeacher {
 public:
  FakeTeacherImpl(std::unique_ptr<TeacherServer> server, std::shared_ptr<Alarm> stop)
      : server_(std::move(server)), stop_(std::move(stop)) {}
  ~FakeTeacherImpl() override {
    stop_->Ring();
    server_->Stop();
  }

  const std::string& endpoint() const override { return server_->endpoint(); }
  std::int64_t calls() const override { return server_->stats().calls; }
  std::int64_t rows() const override { return server_->stats().rows; }
  std::int64_t accepted() const override { return server_->stats().accepted; }
  std::int64_t cancelled() const override { return server_->stats().skipped; }

 private:
  const std::unique_ptr<TeacherServer> server_;
  const std::shared_ptr<Alarm> stop_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FakeTeacher>> FakeTeacher::Start(ModelInfo info, Function function,
                                                                FakeTeacherOptions options) {
  auto stop = std::make_shared<Alarm>();
  TeacherServerOptions server_options;
  server_options.listen = {options.listen};
  server_options.instances = options.instances;
  server_options.max_batch_rows = options.max_batch_rows;
  auto model = std::make_unique<FunctionModel>(std::move(info), std::move(function), std::move(options.delay), stop);
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<TeacherServer> server, TeacherServer::Start(server_options, std::move(model)));
  return std::unique_ptr<FakeTeacher>(std::make_unique<FakeTeacherImpl>(std::move(server), std::move(stop)));
}

}  // namespace edl::testing
