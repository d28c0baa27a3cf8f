// SPDX-License-Identifier: Apache-2.0
// DiagnosingProbe: a probe that, when it could not speak to a server which accepts connections, finds out why.
// Thread-safety: as ModelProbe. `done` then runs on a thread of the probe's own, "edl-tls-check", for a search takes a
//                second at worst and gRPC's threads are for replies.
// Lifetime, cost: a thread while it searches, joined by the next Start or the destructor; the search ends at Cancel. As
//                many search at a time as ClientSecurity lets; the others say what the probe said.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "src/base/interrupt.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "src/rpc/client_security.h"
#include "src/rpc/teacher_client.h"

namespace edl {

class DiagnosingProbe final : public ModelProbe {
 public:
  DiagnosingProbe(std::unique_ptr<ModelProbe> probe, std::string endpoint,
                  std::shared_ptr<const ClientSecurity> security)
      : endpoint_(std::move(endpoint)), security_(std::move(security)), probe_(std::move(probe)) {}
  ~DiagnosingProbe() override { EndSearch(); }

  void Start(const std::string& model, std::chrono::milliseconds timeout, Done done) override;
  void Cancel() override;

 private:
  // False: there is none, and `done` is the caller's to call.
  bool Search(const absl::Status& status, const Done& done);
  void EndSearch();

  const std::string endpoint_;
  const std::shared_ptr<const ClientSecurity> security_;
  const std::unique_ptr<ModelProbe> probe_;

  Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<Interrupt> interrupt_ ABSL_GUARDED_BY(mu_);  // of the last search
  Thread thread_ ABSL_GUARDED_BY(mu_);                         // likewise
};

}  // namespace edl
