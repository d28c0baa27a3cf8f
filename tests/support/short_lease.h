// SPDX-License-Identifier: Apache-2.0
// ShortLease, ShortPoll: how the tests' teachers register, and the tests' students look for them: so often that what
// follows a fault follows soon.
#pragma once

#include <chrono>
#include <string>

#include "edl/teachers.h"
#include "src/registry/lease_keeper.h"

namespace edl::test {

inline LeaseOptions ShortLease(const std::string& redis, const std::string& endpoint) {
  LeaseOptions options;
  options.redis = redis;
  options.service = "rows";
  options.endpoint = endpoint;
  options.lease = std::chrono::milliseconds(1500);
  options.heartbeat = std::chrono::milliseconds(200);
  options.timeouts = {std::chrono::milliseconds(300), std::chrono::milliseconds(300)};
  return options;
}

inline RedisTeachersOptions ShortPoll(const std::string& redis) {
  RedisTeachersOptions options;
  options.redis = redis;
  options.service = "rows";
  options.poll = std::chrono::milliseconds(100);
  options.lease = std::chrono::milliseconds(1500);
  options.foreign_scan = std::chrono::milliseconds(0);
  options.timeout = std::chrono::milliseconds(300);
  return options;
}

}  // namespace edl::test
