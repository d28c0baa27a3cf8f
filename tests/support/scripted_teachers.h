// SPDX-License-Identifier: Apache-2.0
// ScriptedTeachers: TeacherClients without a network; the test answers each call and probe by hand.
// Thread-safety: one thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/rpc/teacher_client.h"

namespace edl::test {

// What the clients of one endpoint have been asked and not answered yet.
struct ScriptedTeacher {
  struct Call {
    InferRequest request;
    CallTag tag;
    TeacherCall::Done done;
    bool cancelled = false;
  };
  std::deque<std::shared_ptr<Call>> calls;
  std::deque<ModelProbe::Done> probes;
  int reconnections = 0;
  int clients = 0;  // that are there at present

  void AnswerProbe(absl::StatusOr<ModelInfo> info) {
    ModelProbe::Done done = std::move(probes.front());
    probes.pop_front();
    done(std::move(info));
  }
  // Answers the oldest call.
  void Answer(absl::StatusOr<InferReply> reply) {
    std::shared_ptr<Call> call = std::move(calls.front());
    calls.pop_front();
    call->done(std::move(reply));
  }
};

class ScriptedTeachers {
 public:
  ScriptedTeacher& operator[](const std::string& endpoint) { return teachers_[endpoint]; }

  std::unique_ptr<TeacherClient> Connect(const std::string& endpoint) {
    return std::make_unique<Client>(teachers_[endpoint]);
  }

  // Answers what was cancelled, as gRPC would.
  void AnswerCancelled() {
    for (auto& [endpoint, teacher] : teachers_) {
      for (std::size_t i = 0; i < teacher.calls.size();) {
        std::shared_ptr<ScriptedTeacher::Call> call = teacher.calls[i];
        if (!call->cancelled) {
          ++i;
          continue;
        }
        teacher.calls.erase(teacher.calls.begin() + static_cast<std::ptrdiff_t>(i));
        call->done(absl::CancelledError("cancelled"));
      }
      while (probes_cancelled_ && !teacher.probes.empty()) teacher.AnswerProbe(absl::CancelledError("cancelled"));
    }
  }
  void CancelProbes() { probes_cancelled_ = true; }

 private:
  class ScriptedCall final : public TeacherCall {
   public:
    explicit ScriptedCall(ScriptedTeacher& teacher) : teacher_(teacher) {}
    absl::Status Start(InferRequest request, std::chrono::milliseconds, CallTag tag, Done done) override {
      call_ = std::make_shared<ScriptedTeacher::Call>(ScriptedTeacher::Call{std::move(request), tag, std::move(done)});
      teacher_.calls.push_back(call_);
      return absl::OkStatus();
    }
    void CancelIf(CallTag tag) override {
      if (call_ != nullptr && tag.Matches(call_->tag)) call_->cancelled = true;
    }

   private:
    ScriptedTeacher& teacher_;
    std::shared_ptr<ScriptedTeacher::Call> call_;
  };

  class ScriptedProbe final : public ModelProbe {
   public:
    explicit ScriptedProbe(ScriptedTeacher& teacher) : teacher_(teacher) {}
    void Start(const std::string&, std::chrono::milliseconds, Done done) override {
      teacher_.probes.push_back(std::move(done));
    }
    void Cancel() override {}

   private:
    ScriptedTeacher& teacher_;
  };

  class Client final : public TeacherClient {
   public:
    explicit Client(ScriptedTeacher& teacher) : teacher_(teacher) { ++teacher_.clients; }
    ~Client() override { --teacher_.clients; }
    std::unique_ptr<TeacherCall> NewCall() override { return std::make_unique<ScriptedCall>(teacher_); }
    std::unique_ptr<ModelProbe> NewModelProbe() override { return std::make_unique<ScriptedProbe>(teacher_); }
    void Reconnect() override { ++teacher_.reconnections; }

   private:
    ScriptedTeacher& teacher_;
  };

  std::map<std::string, ScriptedTeacher> teachers_;
  bool probes_cancelled_ = false;
};

}  // namespace edl::test
