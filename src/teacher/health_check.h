// SPDX-License-Identifier: Apache-2.0
// HealthCheck: has the server just answered a request, or can it still compute? What a teacher's lease is renewed by.
// Place: the lease keeper asks at each heartbeat. When no request has been answered since, the model's own check goes
//        through the queue and the instance threads that requests go through: so a model that hangs is found out, too.
// Errors: DEADLINE_EXCEEDED - nothing was computed for `patience`, though it was asked for; else the model's own.
// Thread-safety: Check: one thread at a time.
// Lifetime, cost: all that is referred to outlives it. Check waits half a second at most; costs nothing while requests
//         are answered, else what the model's check costs.
#pragma once

#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "edl/model.h"
#include "src/base/executor.h"
#include "src/base/mutex.h"
#include "src/teacher/instance_pool.h"
#include "src/teacher/server_stats.h"

namespace edl {

class HealthCheck final : private InstanceJob {
 public:
  HealthCheck(Model& model, InstancePool& pool, const ServerCounters& counters)
      : model_(model), pool_(pool), counters_(counters) {}
  ~HealthCheck();  // Waits for a check that runs.

  // `patience`: how long one request may compute before the teacher counts as hung.
  absl::Status Check(std::chrono::milliseconds patience);

 private:
  void Run() override;
  void Answer() override;
  void Abandon() override;
  void End(const absl::Status& result);

  Model& model_;
  InstancePool& pool_;
  const ServerCounters& counters_;

  std::int64_t answered_ = 0;  // at the last look; Check's thread only
  absl::Status computed_;      // written by Run, read by Answer; the pool hands over

  Mutex mu_;
  CondVar ended_;
  bool pending_ ABSL_GUARDED_BY(mu_) = false;  // in the pool, waiting or running
  TimePoint pending_since_ ABSL_GUARDED_BY(mu_);
  absl::Status result_ ABSL_GUARDED_BY(mu_);  // of the last one that ended
};

}  // namespace edl
