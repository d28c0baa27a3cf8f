// SPDX-License-Identifier: Apache-2.0
// RefusingClient: in place of a client of a server that is not to be spoken to; every probe says why.
// Thread-safety: as TeacherClient.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "src/rpc/teacher_client.h"

namespace edl {

class RefusingClient final : public TeacherClient {
 public:
  explicit RefusingClient(absl::Status why) : why_(std::move(why)) {}

  std::unique_ptr<TeacherCall> NewCall() override { return std::make_unique<Call>(why_); }
  std::unique_ptr<ModelProbe> NewModelProbe() override { return std::make_unique<Probe>(why_); }
  void Reconnect() override {}

 private:
  class Call final : public TeacherCall {
   public:
    explicit Call(absl::Status why) : why_(std::move(why)) {}
    absl::Status Start(InferRequest, std::chrono::milliseconds, CallTag, Done) override { return why_; }
    void CancelIf(CallTag) override {}

   private:
    const absl::Status why_;
  };

  class Probe final : public ModelProbe {
   public:
    explicit Probe(absl::Status why) : why_(std::move(why)) {}
    void Start(const std::string&, std::chrono::milliseconds, Done done) override { done(why_); }
    void Cancel() override {}

   private:
    const absl::Status why_;
  };

  const absl::Status why_;
};

}  // namespace edl
