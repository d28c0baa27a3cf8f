// SPDX-License-Identifier: Apache-2.0
// Advertised endpoint: where students reach a teacher that listens on every address of its machine.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/registry/redis_address.h"

namespace edl {

// The first of a server's addresses that others than this machine may reach. INVALID_ARGUMENT, asking for --advertise,
// when all are unix sockets.
absl::StatusOr<std::string> ListeningForStudents(const std::vector<std::string>& listening);

// Is it every address of the machine (0.0.0.0, [::])?
bool IsWildcard(const std::string& listening);

// `listening` itself where it names one address. For a wildcard: the address that this machine has on its way to Redis,
// or to one of its sentinels, which students reach, too. UNAVAILABLE while none of those can be looked up, or there is
// no way to any. Blocks while their names are looked up.
absl::StatusOr<std::string> AdvertisedEndpoint(const std::string& listening, const RedisAddress& redis);

}  // namespace edl
