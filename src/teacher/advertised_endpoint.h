// SPDX-License-Identifier: Apache-2.0
// Advertised endpoint: where students reach a teacher that listens on every address of its machine.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "src/registry/redis_address.h"

namespace edl {

// `listening` itself where it names one address. For a wildcard (0.0.0.0, [::]): the address that this machine has on
// its way to Redis, which students reach, too. INVALID_ARGUMENT, asking for --advertise, when there is none, or for
// a unix socket. UNAVAILABLE when Redis' host has no address.
absl::StatusOr<std::string> AdvertisedEndpoint(const std::string& listening, const RedisAddress& redis);

}  // namespace edl
