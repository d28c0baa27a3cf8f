// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/diagnosing_probe.h"

#include <system_error>

#include "src/rpc/tls_diagnosis.h"

namespace edl {

void DiagnosingProbe::Start(const std::string& model, std::chrono::milliseconds timeout, Done done) {
  EndSearch();
  probe_->Start(model, timeout, [this, done = std::move(done)](absl::StatusOr<ModelInfo> info) {
    const bool ill = IsWorthDiagnosing(info.status(), endpoint_);
    if (!ill || !security_->BeginSearch()) return done(std::move(info));
    if (Search(info.status(), done)) return;
    security_->EndSearch();
    done(std::move(info));
  });
}

bool DiagnosingProbe::Search(const absl::Status& status, const Done& done) {
  auto interrupt = std::make_shared<Interrupt>();
  // Held while the thread is made: it may be done, and others may wish to join it, before it is in its place.
  MutexLock lock(mu_);
  if (cancelled_) return false;
  try {
    thread_ = Thread("edl-tls-check", [this, status, interrupt, done] {
      const absl::Status found = DiagnoseTls(status, endpoint_, *security_, *interrupt);
      security_->EndSearch();  // `done` may end this probe
      done(found);
    });
  } catch (const std::system_error&) {  // no thread is left
    return false;
  }
  interrupt_ = interrupt;
  return true;
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
