// SPDX-License-Identifier: Apache-2.0
#include "src/registry/lease_keeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/endpoint.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/registry/instance_id.h"
#include "src/registry/redis_connect.h"

namespace edl {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kNextWarning{30};

TimePoint Now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

absl::Status LeaseOptions::Validate() const {
  EDL_RETURN_IF_ERROR(Annotate(RedisAddress::Parse(redis).status(), "redis"));
  EDL_RETURN_IF_ERROR(Annotate(CheckServiceName(service), "service"));
  if (find_endpoint == nullptr) EDL_RETURN_IF_ERROR(Annotate(CheckEndpoint(endpoint), "endpoint"));
  if (weight < 1 || weight > kHeaviestTeacher) {
    return absl::InvalidArgumentError(absl::StrCat("weight is ", weight, "; expected 1 to ", kHeaviestTeacher));
  }
  if (heartbeat.count() < 1 || lease <= 2 * heartbeat) {
    return absl::InvalidArgumentError(absl::StrCat("heartbeat is ", heartbeat.count(), " ms and lease ", lease.count(),
                                                   " ms; expected a lease of more than two heartbeats"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LeaseKeeper>> LeaseKeeper::Start(const LeaseOptions& options, HealthCheck healthy) {
  EDL_RETURN_IF_ERROR(options.Validate());
  std::unique_ptr<LeaseKeeper> keeper(
      new LeaseKeeper(options, RedisAddress::Parse(options.redis).value(), std::move(healthy)));
  if (!keeper->interrupt_.ok()) return absl::ResourceExhaustedError("no file descriptor is left");
  keeper->thread_ = Thread("edl-lease", [keeper = keeper.get()] { keeper->Run(); });
  return keeper;
}

LeaseKeeper::LeaseKeeper(const LeaseOptions& options, RedisAddress address, HealthCheck healthy)
    : options_(options),
      address_(std::move(address)),
      healthy_(std::move(healthy)),
      found_(options.find_endpoint == nullptr),
      numbers_(options.numbers, options.service, options.lease) {
  lease_.endpoint = options.endpoint;
  lease_.id = NewInstanceId();
  lease_.model = options.model;
  lease_.info = options.info;
  lease_.weight = options.weight;
}

absl::Status LeaseKeeper::AwaitState(bool draining, milliseconds timeout) {
  const TimePoint deadline = Now() + timeout;
  MutexLock lock(mu_);
  while (!(draining ? drained_ : listed_)) {
    if (stopping_) return absl::CancelledError("the lease's keeper was stopped");
    if (Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat("teacher ", options_.endpoint, " is not listed as ",
                                                      draining ? "draining" : "serving", " by ", address_.ToString(),
                                                      ": ", why_not_.message()));
    }
    changed_.WaitUntil(mu_, deadline);
  }
  return absl::OkStatus();
}

absl::Status LeaseKeeper::AwaitListed(milliseconds timeout) {
  return AwaitState(/*draining=*/false, timeout);
}

absl::Status LeaseKeeper::Drain(milliseconds timeout) {
  {
    MutexLock lock(mu_);
    drain_ = true;
    changed_.NotifyAll();
  }
  return AwaitState(/*draining=*/true, timeout);
}

void LeaseKeeper::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  interrupt_.Set();
  thread_.Join();
}

void LeaseKeeper::Run() {
  TimePoint next = TimePoint::min();
  while (true) {
    {
      MutexLock lock(mu_);
      const bool draining = lease_.state == TeacherState::kDraining;
      while (!stopping_ && drain_ == draining && Now() < next) changed_.WaitUntil(mu_, next);
      if (stopping_) break;
      if (drain_) lease_.state = TeacherState::kDraining;
    }
    next = Beat();
  }
  // Also when the last heartbeat failed: that lease may still be running.
  if (redis_ != nullptr && !redis_->broken() && lease_.born != 0) {
    absl::Status removed = RegistryStore(*redis_, options_.service).RemoveTeacher(lease_);
    if (!removed.ok()) Log().warn("teacher {} leaves without saying so: {}", lease_.endpoint, removed.ToString());
    numbers_.Remove(*redis_, lease_.endpoint);
  }
}

absl::Status LeaseKeeper::CheckHealth() {
  // Who drains gets nothing new, well or not, and its students must hear of it.
  if (healthy_ == nullptr || lease_.state == TeacherState::kDraining) return absl::OkStatus();
  return Annotate(Guarded(healthy_), "it is not well, so its lease is not renewed");
}

absl::Status LeaseKeeper::FindEndpoint() {
  if (found_) return absl::OkStatus();
  EDL_ASSIGN_OR_RETURN(std::string endpoint, Guarded(options_.find_endpoint));
  EDL_RETURN_IF_ERROR(CheckEndpoint(endpoint));
  lease_.endpoint = std::move(endpoint);
  found_ = true;
  return absl::OkStatus();
}

// One heartbeat. When the next one is due.
TimePoint LeaseKeeper::Beat() {
  if (absl::Status well = CheckHealth(); !well.ok()) {
    Note(well);
    return Now() + options_.heartbeat;
  }
  absl::StatusOr<bool> listed = Renew();
  if (!listed.ok()) {
    redis_.reset();
    Note(listed.status());
    return Now() + backoff_.Next();
  }
  backoff_.Reset();
  Note(*listed ? absl::OkStatus()
               : absl::AlreadyExistsError("a teacher that was started later has this endpoint in the registry"));
  const TimePoint next = Now() + options_.heartbeat;
  if (!*listed) {
    numbers_.Disown();
  } else if (!numbers_.Publish(*redis_, lease_.endpoint).ok()) {
    redis_.reset();
  }
  return next;
}

absl::StatusOr<bool> LeaseKeeper::Renew() {
  EDL_RETURN_IF_ERROR(FindEndpoint());
  if (redis_ == nullptr) {
    EDL_ASSIGN_OR_RETURN(redis_, ConnectToRedis(address_, options_.timeouts, interrupt_));
  }
  return RegistryStore(*redis_, options_.service).RenewTeacher(lease_, options_.lease);
}

void LeaseKeeper::Note(const absl::Status& status) {
  const bool draining = lease_.state == TeacherState::kDraining;
  bool news;
  {
    MutexLock lock(mu_);
    if (stopping_) return;
    news = listed_ != status.ok() || drained_ != (status.ok() && draining);
    listed_ = status.ok();
    drained_ = status.ok() && draining;
    why_not_ = status;
    changed_.NotifyAll();
  }
  if (status.ok()) {
    if (news) {
      Log().info("teacher {} is listed as {} in service {}", lease_.endpoint, draining ? "draining" : "serving",
                 options_.service);
    }
    warned_at_ = TimePoint::min();
  } else if (news || Now() - kNextWarning >= warned_at_) {
    warned_at_ = Now();
    Log().warn("teacher {} is not listed in service {}: {}", lease_.endpoint, options_.service, status.ToString());
  }
}

}  // namespace edl
