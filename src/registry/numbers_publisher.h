// SPDX-License-Identifier: Apache-2.0
// NumbersPublisher: lets a member of a service say in the registry how it does, for people who look at the fleet.
// Place: beside a lease, on the thread that keeps it, after the lease was renewed; edl-top reads what it writes.
// Rules: nothing hangs on the numbers: what goes wrong with them is logged once, and never ends a lease. They are
//        written once a `gap` at most, run out some leases after the member's last sign of life, and stay under
//        kMostNumbersBytes: longer ones are not published.
// Thread-safety: one thread at a time; it is the one that calls `numbers`.
// Cost: one command of Redis each time; Publish blocks as long as that may.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "src/base/executor.h"
#include "src/registry/redis_connection.h"

namespace edl {

constexpr std::size_t kMostNumbersBytes = 4096;

class NumbersPublisher {
 public:
  // `numbers`: a JSON document, of now. Must not block. Empty: there is nothing to publish, ever.
  NumbersPublisher(std::function<std::string()> numbers, std::string service, std::chrono::milliseconds lease,
                   std::chrono::milliseconds gap = std::chrono::seconds(1));

  // Call it as often as you like. An error: the connection is of no more use.
  absl::Status Publish(RedisConnection& redis, const std::string& member);

  // The member's name is another's now, and so is what stands there.
  void Disown() { published_ = false; }

  // The member leaves.
  void Remove(RedisConnection& redis, const std::string& member);

 private:
  absl::Status Write(RedisConnection& redis, const std::string& member);

  const std::function<std::string()> numbers_;
  const std::string service_;
  const std::chrono::milliseconds lifetime_;
  const std::chrono::milliseconds gap_;
  TimePoint next_ = TimePoint::min();
  bool published_ = false;
  bool failing_ = false;  // and that has been said
};

}  // namespace edl
