// SPDX-License-Identifier: Apache-2.0
// FleetReader: reads what a registry says of its services and their members. It changes nothing there, and runs no
// script: a user of Redis that may only read suffices.
// Errors: as RedisConnection. A key of the wrong kind is as if it were not there.
// Thread-safety: one thread at a time, as the connection.
// Lifetime: outlived by the connection.
// Cost: some plain commands and two a member, kMostShown of a kind at most, 256 in a round trip; and a page of SCAN.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/registry/redis_connection.h"
#include "src/top/fleet_snapshot.h"

namespace edl {

constexpr int kMostShown = 2000;  // teachers of a service, and students
constexpr std::size_t kMostServices = 256;

class FleetReader {
 public:
  explicit FleetReader(RedisConnection& redis) : redis_(redis) {}

  // Looks at `pages` times some 1000 keys for services, going on where the last call ended. True when it has seen all.
  absl::StatusOr<bool> FindServices(int pages);

  // The services that were found, and the members of `service`; of the first that has any when that is empty.
  absl::StatusOr<FleetSnapshot> Read(const std::string& service);

 private:
  using Replies = std::vector<RedisReply>;

  absl::StatusOr<Replies> Ask(const std::vector<std::vector<std::string>>& commands);
  absl::StatusOr<std::vector<ServiceSummary>> Count(const std::string& also);
  absl::StatusOr<ServiceSnapshot> ReadService(const std::string& name, std::int64_t now_ms);
  absl::Status ReadTeachers(const std::string& prefix, ServiceSnapshot& service);
  absl::Status ReadStudents(const std::string& prefix, ServiceSnapshot& service);

  RedisConnection& redis_;
  std::string cursor_ = "0";        // SCAN's
  std::set<std::string> found_;     // in this round, so far
  std::set<std::string> services_;  // known: those of the last round, and of this one
  std::int64_t found_beyond_ = 0;   // likewise, those that had no room
  std::int64_t more_services_ = 0;
};

}  // namespace edl
