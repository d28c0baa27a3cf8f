// SPDX-License-Identifier: Apache-2.0
// Teachers: where a reader's teachers come from.
// Place: given to DistillReader::Create; the dispatcher follows the sets that the watcher tells.
// Errors: INVALID_ARGUMENT from DistillReader::Create - no endpoint, the same one twice, or one that is none; an option
//         of RedisTeachers that makes no sense.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace edl {

// The teachers of the moment. An endpoint is "host:port", "[ipv6]:port", "dns:///name:port" (one teacher, at one of the
// name's addresses) or "unix:/path"; "grpcs://host:port" is spoken to by TLS, "grpc://host:port" explicitly not.
struct TeacherSet {
  std::vector<std::string> endpoints;
};

// Tells who the teachers are, and again whenever that changes. Write one for a discovery service of your own.
class TeacherWatcher {
 public:
  // Stops telling: no call of `on_change` is running or will come when it returns.
  virtual ~TeacherWatcher() = default;

  // How many teachers the reader will use at a time; 0: all that it is told of. Called before Start, for watchers that
  // share teachers out among students.
  virtual void SetMaxTeachers(int /*max_teachers*/) {}

  // What the reader says of how it does, as a JSON document of 4096 bytes at most, for watchers that can show it to
  // people. `numbers` may be called from any thread, one call at a time, until the watcher is destroyed; it does not
  // block. Called before Start.
  virtual void SetNumbers(std::function<std::string()> /*numbers*/) {}

  // Called once. Calls `on_change`, now or later, from any thread, one call at a time.
  virtual absl::Status Start(std::function<void(const TeacherSet&)> on_change) = 0;

  // For DistillReader::ConfigString: where the teachers come from.
  virtual std::string ToString() const { return "(a watcher of the program's own)"; }
};

// Always the same teachers. One that dies is tried again for as long as the reader lives.
std::unique_ptr<TeacherWatcher> FixedTeachers(std::vector<std::string> endpoints);

// The environment wins over `redis` (EDL_REDIS) and `service` (EDL_SERVICE), each by itself; what else is set stays.
// A program that gives other teachers gets those of the registry, with the other options' defaults, when both are set.
struct RedisTeachersOptions {
  // --- Behaviour ---

  // Where the registry is: redis://[user:password@]host:port[/db], or through sentinels
  // redis+sentinel://[user:password@]host:port,host:port/master-name[/db]. Percent-encode what is special in a user or
  // password. Required. EDL_REDIS.
  std::string redis;

  // Whose teachers: what they were registered under. 1 to 200 letters, digits and "._-:+@". Required. EDL_SERVICE.
  std::string service;

  // When more than half of the teachers vanish from the registry at once, it is not believed: the reader keeps those
  // that it has for so long, and uses them for as long as they answer. For ever while no other is listed.
  std::chrono::milliseconds missing_grace{60'000};

  // --- Performance ---

  // Changes are pushed. This is how often the reader looks whether a push was missed, and renews its own place among
  // those whom teachers are shared out to. One command of Redis each time. 10 ms or more.
  std::chrono::milliseconds poll{1500};

  // How long after its last sign of life the reader still counts as a student. More than twice `poll`.
  std::chrono::milliseconds lease{6000};

  // How often one of all readers looks for teachers that EDL's Python tools registered, which costs a scan of all keys
  // of the database; 0: never.
  std::chrono::milliseconds foreign_scan{2000};

  // How often at most the reader writes beside its place how it does, for edl-top: one command of Redis each time,
  // after a renewal; 0: never.
  std::chrono::milliseconds numbers{1000};

  // How long Redis may take to accept a connection, or to answer. 10 ms or more.
  std::chrono::milliseconds timeout{1000};

  // INVALID_ARGUMENT naming field, value and range; never the password.
  absl::Status Validate() const;
};

// The teachers of a service, as they register in Redis, shared out evenly among all readers of that service: this one's
// share, which follows as teachers and readers come and go. Redis may be away, at the start or later: the reader keeps
// the teachers that it knows and catches up.
std::unique_ptr<TeacherWatcher> RedisTeachers(RedisTeachersOptions options);

}  // namespace edl
