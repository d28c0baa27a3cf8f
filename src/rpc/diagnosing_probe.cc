// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/diagnosing_probe.h"

#include "src/rpc/tls_diagnosis.h"

namespace edl {

void DiagnosingProbe::Start(const std::string& model, std::chrono::milliseconds timeout, Done done) {
  EndSearch();
  probe_->Start(model, timeout, [this, done = std::move(done)](absl::StatusOr<ModelInfo> info) {
    if (!IsWorthDiagnosing(info.status())) return done(std::move(info));
    OnProbed(std::move(info), done);
  });
}

void DiagnosingProbe::OnProbed(absl::StatusOr<ModelInfo> info, const Done& done) {
  auto interrupt = std::make_shared<Interrupt>();
  {
    // Held while the thread is made: it may be done, and others may wish to join it, before it is in its place.
    MutexLock lock(mu_);
    if (!cancelled_) {
      interrupt_ = interrupt;
      thread_ = Thread("edl-tls-check", [this, status = info.status(), interrupt, done] {
        done(DiagnoseTls(status, endpoint_, *security_, *interrupt));
      });
      return;
    }
  }
  done(std::move(info));
}

void DiagnosingProbe::Cancel() {
  probe_->Cancel();
  MutexLock lock(mu_);
  cancelled_ = true;
  if (interrupt_ != nullptr) interrupt_->Set();
}

void DiagnosingProbe::EndSearch() {
  Thread last;
  {
    MutexLock lock(mu_);
    cancelled_ = false;
    last = std::move(thread_);
  }
  last.Join();
}

}  // namespace edl
