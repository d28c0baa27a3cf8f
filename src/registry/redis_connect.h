// SPDX-License-Identifier: Apache-2.0
// ConnectToRedis: a connection that may be used at once: to the master, as the right user, in the right database.
// Errors: as RedisConnection; UNAVAILABLE - no sentinel could name a master, with what each of them said.
// Cost: blocks for the timeouts, once for each sentinel that does not answer.
// Source: Redis' "Guidelines for Redis clients with support for Redis Sentinel": ask the sentinels in turn, and believe
//         a master only when it says itself that it is one.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "src/registry/redis_connection.h"

namespace edl {

absl::StatusOr<std::unique_ptr<RedisConnection>> ConnectToRedis(const RedisAddress& address,
                                                                const RedisTimeouts& timeouts,
                                                                const Interrupt& interrupt);

}  // namespace edl
