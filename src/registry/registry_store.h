// SPDX-License-Identifier: Apache-2.0
// RegistryStore: the registry of one service, in Redis: who may be a member, and who is.
// Place: between a connection and those who keep a lease (LeaseKeeper) or follow the members (RedisTeachers).
// Errors: as RedisConnection; INTERNAL - the answer has not the form that the scripts give it.
// Thread-safety: one thread at a time, as the connection.
// Lifetime: outlived by the connection.
// Source: docs/registry.md, the schema.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/registry/redis_connection.h"

namespace edl {

enum class TeacherState { kServing, kDraining };

constexpr int kHeaviestTeacher = 1000;  // weights are 1 to this

// Teachers of a service, and students, at most. A registry that lists more is filled with nonsense, and is not read: it
// would cost every student its memory, and all its time for sharing out.
constexpr int kMostMembers = 1 << 16;

// INVALID_ARGUMENT unless a service may have that name: 1 to 200 letters, digits and "._-:+@".
absl::Status CheckServiceName(const std::string& name);

// What a teacher says of itself.
struct TeacherLease {
  std::string endpoint;
  std::string id;         // of the instance: a teacher started anew on the endpoint has another one
  std::int64_t born = 0;  // when the instance was first listed, ms by Redis' clock; 0: it has not been yet
  TeacherState state = TeacherState::kServing;
  std::string model;
  std::string info;
  int weight = 1;
};

// One member as it is now.
struct MemberNews {
  enum class Kind { kTeacher, kStudent };
  Kind kind;
  std::string name;
  bool listed = false;
  std::string state;   // a teacher's, as it stands there: "" is the usual; "left": it took itself out
  std::string weight;  // likewise
};

// `fact`: what stands in facts, "state weight", or nothing.
MemberNews NewsOf(MemberNews::Kind kind, const std::string& name, bool listed, const std::string& fact);

struct RegistryNews {
  std::int64_t version = 0;
  bool complete = false;  // all members, not only those that changed
  std::vector<MemberNews> members;
};

// How far a student has come with looking for foreign teachers.
struct ForeignScan {
  std::string cursor = "0";  // SCAN's
  bool running() const { return cursor != "0"; }
};

class RegistryStore {
 public:
  // `service` has been checked.
  RegistryStore(RedisConnection& redis, const std::string& service);

  // Lists the teacher, or renews its lease; sets `born`. False: a younger instance has the endpoint.
  absl::StatusOr<bool> RenewTeacher(TeacherLease& lease, std::chrono::milliseconds length);
  // Does nothing when the endpoint is another instance's by now.
  absl::Status RemoveTeacher(const TeacherLease& lease);

  // Gives the version.
  absl::StatusOr<std::int64_t> RenewStudent(const std::string& student, std::chrono::milliseconds length);
  absl::Status RemoveStudent(const std::string& student);

  // One atomic snapshot: what changed since that version, or everything: when it is 0, or Redis does not know any more.
  // RESOURCE_EXHAUSTED: more than kMostMembers of either kind are listed.
  // A version that another connection gave means nothing here: Redis may have been restarted in between.
  absl::StatusOr<RegistryNews> Read(std::int64_t since);

  // Lists the teachers that other tools registered, which write a node and nothing else. One student of all does it,
  // once in a `period`: whoever comes first. It goes over all keys of the database, a page of some 1000 at each call: a
  // new `scan` begins, and one that is running afterwards wants another call within `period`.
  absl::Status ListForeignTeachers(ForeignScan& scan, const std::string& student, std::chrono::milliseconds period);

  // What a member says of how it does; replaces what it said before, and is forgotten after `lifetime`.
  absl::Status WriteNumbers(const std::string& member, const std::string& text, std::chrono::milliseconds lifetime);
  absl::Status RemoveNumbers(const std::string& member);

  // A message a change.
  std::string channel() const { return prefix_ + "events"; }

 private:
  // Is it this student who looks? If so, it stays that for `period`.
  absl::StatusOr<bool> HoldScanner(const ForeignScan& scan, const std::string& student,
                                   std::chrono::milliseconds period);
  absl::StatusOr<RedisReply> Run(const std::string& script, const std::vector<std::string>& arguments);

  RedisConnection& redis_;
  const std::string prefix_;  // "/service/NAME/"
};

}  // namespace edl
