// SPDX-License-Identifier: Apache-2.0
// FleetFeed: reads a registry again and again, on a thread of its own, so that keys are answered while Redis is not.
// Place: between FleetReader and the screen. Redis away: says so beside what was known, and tries again for ever.
// Errors: Start: RESOURCE_EXHAUSTED - no file descriptor left. All else is told in the news.
// Thread-safety: any thread.
// Lifetime: the destructor takes half a second at most while Redis hangs.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/base/interrupt.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "src/registry/redis_address.h"
#include "src/top/fleet_reader.h"
#include "src/top/fleet_snapshot.h"

namespace edl {

class FleetFeed {
 public:
  // `service`: as in FleetReader::Read.
  static absl::StatusOr<std::unique_ptr<FleetFeed>> Start(RedisAddress address, std::chrono::milliseconds interval,
                                                          std::string service);
  ~FleetFeed();

  // Reads that service from now on, and at once.
  void Choose(const std::string& service);

  // The news, if there are any since the call that gave `seen`, which starts at 0 and is set.
  bool News(std::int64_t& seen, FleetNews& news);

 private:
  FleetFeed(RedisAddress address, std::chrono::milliseconds interval, std::string service);
  void Run();
  void Look();
  absl::StatusOr<FleetSnapshot> Read(const std::string& service);

  const RedisAddress address_;
  const std::chrono::milliseconds interval_;
  Interrupt interrupt_;

  // The feed's thread only.
  std::unique_ptr<RedisConnection> redis_;
  std::unique_ptr<FleetReader> reader_;

  Mutex mu_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool wanted_ ABSL_GUARDED_BY(mu_) = false;  // to be read at once
  std::string service_ ABSL_GUARDED_BY(mu_);
  FleetNews news_ ABSL_GUARDED_BY(mu_);
  std::int64_t serial_ ABSL_GUARDED_BY(mu_) = 0;

  Thread thread_;  // last: starts when the rest stands
};

}  // namespace edl
