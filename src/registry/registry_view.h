// SPDX-License-Identifier: Apache-2.0
// RegistryView: the members of a service, as one watcher has read them.
// Place: takes the registry's news from RegistryStore::Read; RedisTeachers and TeacherShare look at it.
// Rules: what is in Redis may be anything. A member that makes no sense is left out: a teacher with a bad endpoint,
//        weight or state; a student whose name is none of ours.
// Thread-safety: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "src/registry/registry_store.h"

namespace edl {

struct ViewedTeacher {
  int weight = 1;
  TeacherState state = TeacherState::kServing;
};

// Of what is listed; INVALID_ARGUMENT, with what is wrong, for one that is left out. Whoever computes the assignment
// leaves out the same ones.
absl::StatusOr<ViewedTeacher> ParseTeacher(const MemberNews& member);
// The limit of a student, from its name.
absl::StatusOr<int> ParseStudent(const std::string& name);

class RegistryView {
 public:
  void Apply(const RegistryNews& news);

  const std::map<std::string, ViewedTeacher>& teachers() const { return teachers_; }
  // Name → the most teachers that it uses; 0: any number.
  const std::map<std::string, int>& students() const { return students_; }

  // Teachers that took themselves out, since ForgetLeft: others that are no longer there were lost.
  const std::set<std::string>& left() const { return left_; }
  void ForgetLeft() { left_.clear(); }

  // What was left out since it was asked last, for people: one of them and how many more. Empty: nothing.
  std::string TakeNonsense();

 private:
  void LeaveOut(const char* kind, const std::string& name, const std::string& why);

  std::map<std::string, ViewedTeacher> teachers_;
  std::map<std::string, int> students_;
  std::set<std::string> left_;
  std::string nonsense_;  // the first
  std::int64_t nonsense_count_ = 0;
};

// The name under which a student is listed: who it is, for people who look at the registry; a random id; and its limit,
// which everybody needs who computes the assignment. "trainer-3:4711:9f86d081/8"
std::string NewStudentName(int max_teachers);

}  // namespace edl
