// SPDX-License-Identifier: Apache-2.0
// LeaseKeeper: keeps a teacher listed in the registry for as long as it is well, and takes it out when it leaves.
// Place: edl-teacher and edl-register own one beside the server that it speaks for; it knows nothing of that server but
//        its endpoint and a function that says whether it is well.
// Rules: a lease is renewed every `heartbeat`, and only when `healthy` says so; else it runs out by itself. After an
//        outage of Redis, a restart or a lease that ran out, the teacher is listed again without anybody's doing.
//        Of two instances on one endpoint the younger one is listed; the older one neither renews nor removes that.
// Errors: Start: INVALID_ARGUMENT - options; RESOURCE_EXHAUSTED - no file descriptor left. All else is retried for ever
//         and logged: a warning when it begins, then every half minute.
// Thread-safety: any thread. `healthy` runs on the keeper's own thread, `edl-lease`.
// Lifetime, cost: Stop, or the destructor, takes half a second at most while Redis hangs (a host's name that is being
//         looked up, and `healthy`, are waited for). Two commands of Redis a heartbeat.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/interrupt.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "src/registry/backoff.h"
#include "src/registry/numbers_publisher.h"
#include "src/registry/redis_address.h"
#include "src/registry/registry_store.h"

namespace edl {

struct LeaseOptions {
  // Behaviour.
  std::string redis;     // see redis_address.h
  std::string service;   // what students ask for
  std::string endpoint;  // where students reach the teacher
  // Where that cannot be said yet, for want of a name server, say: asked before a heartbeat, on the keeper's thread,
  // until it answers; `endpoint` is the teacher's name in messages until then. May block, as `healthy` may.
  std::function<absl::StatusOr<std::string>()> find_endpoint;
  std::string model;  // its name, for who looks at the registry; may be empty
  std::string info;   // free text, likewise
  int weight = 1;     // its speed beside the others': 1 to 1000
  // How it does, for who looks: see numbers_publisher.h. Called on the keeper's thread. May be empty.
  std::function<std::string()> numbers;

  // Performance.
  std::chrono::milliseconds lease{6000};  // unlisted so long after the last heartbeat; more rides out longer hiccups
  std::chrono::milliseconds heartbeat{1500};  // less than half of the lease
  RedisTimeouts timeouts;

  // INVALID_ARGUMENT that names field, value and range.
  absl::Status Validate() const;
};

class LeaseKeeper {
 public:
  // OK when the teacher has just served a request, or passed a check of itself; else what is wrong, for the log. May
  // block, but not for long: it holds up the heartbeat. Empty: always well.
  using HealthCheck = std::function<absl::Status()>;

  // Returns at once; the teacher is listed when Redis can be reached and `healthy` says so for the first time.
  static absl::StatusOr<std::unique_ptr<LeaseKeeper>> Start(const LeaseOptions& options, HealthCheck healthy);
  ~LeaseKeeper() { Stop(); }

  // Waits until the teacher is listed. DEADLINE_EXCEEDED with the reason why it is not.
  absl::Status AwaitListed(std::chrono::milliseconds timeout);

  // From here on it is listed as draining: students send it nothing new. Waits until Redis knows; DEADLINE_EXCEEDED
  // when it does not by then (students will notice when the server refuses them). Renewed until Stop, well or not.
  absl::Status Drain(std::chrono::milliseconds timeout);

  // Takes the teacher out of the registry, if Redis answers; ends the thread. Again: does nothing.
  void Stop();

 private:
  LeaseKeeper(const LeaseOptions& options, RedisAddress address, HealthCheck healthy);
  void Run();
  TimePoint Beat();
  absl::Status CheckHealth();
  absl::Status FindEndpoint();
  absl::StatusOr<bool> Renew();
  void Note(const absl::Status& status);
  absl::Status AwaitState(bool draining, std::chrono::milliseconds timeout);

  const LeaseOptions options_;
  const RedisAddress address_;
  const HealthCheck healthy_;
  Interrupt interrupt_;

  // The keeper's thread only.
  std::unique_ptr<RedisConnection> redis_;
  TeacherLease lease_;
  bool found_;  // is lease_.endpoint where students reach it?
  NumbersPublisher numbers_;
  Backoff backoff_;
  TimePoint warned_at_ = TimePoint::min();

  Mutex mu_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool drain_ ABSL_GUARDED_BY(mu_) = false;    // as it shall be listed
  bool listed_ ABSL_GUARDED_BY(mu_) = false;   // as far as we know
  bool drained_ ABSL_GUARDED_BY(mu_) = false;  // listed as draining
  absl::Status why_not_ ABSL_GUARDED_BY(mu_) = absl::UnavailableError("Redis has not been asked yet");

  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl
