// SPDX-License-Identifier: Apache-2.0
// FaultCounts: how often which harm was done, by a Churn or a RedisChurn.
// Thread-safety: a value.
#pragma once

#include <string>

namespace edl::test {

struct FaultCounts {
  // Of teachers.
  int kills = 0;
  int joins = 0;   // of a teacher that was away
  int drains = 0;  // by SIGTERM, listed or not
  int stalls = 0;
  int unlistings = 0;  // the process serves on

  // Of wires, while a teacher is there.
  int cuts = 0;       // all connections are reset
  int forgets = 0;    // they stay silent for ever
  int blackouts = 0;  // nothing flows for a while
  int slows = 0;      // little flows for a while

  int remakes = 0;  // of the student's reader

  // Of Redis.
  int redis_restarts = 0;  // after a crash, with what it knew some time ago
  int redis_losses = 0;    // likewise, with nothing
  int redis_hangs = 0;

  FaultCounts& operator+=(const FaultCounts& other);
  int total() const;
  // "kills 3, joins 4, …": those that there were.
  std::string ToString() const;
};

}  // namespace edl::test
