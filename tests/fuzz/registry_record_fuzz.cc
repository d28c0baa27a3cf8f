// SPDX-License-Identifier: Apache-2.0
// The registry's records: what stands in Redis about teachers and students, as a watcher takes it in.
// Input: a member a line: "t" or "s" (a capital one is not listed), its name, and after tabs its state and its weight.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "src/base/endpoint.h"
#include "src/base/log.h"
#include "src/registry/assignment.h"
#include "src/registry/registry_view.h"
#include "tests/fuzz/fuzz_input.h"

namespace edl {
namespace {

MemberNews ParseMember(const std::string& line) {
  std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits('\t', 2));
  parts.resize(3);
  const unsigned char letter = parts[0].empty() ? 't' : parts[0][0];
  MemberNews member{absl::ascii_tolower(letter) == 's' ? MemberNews::Kind::kStudent : MemberNews::Kind::kTeacher,
                    parts[0].substr(std::min<std::size_t>(1, parts[0].size())), absl::ascii_islower(letter), parts[1],
                    parts[2]};
  return member;
}

void CheckMembers(const RegistryView& view) {
  std::vector<AssignedTeacher> teachers;
  for (const auto& [endpoint, teacher] : view.teachers()) {
    Require(CheckEndpoint(endpoint).ok(), "a teacher has an endpoint");
    Require(teacher.weight >= 1 && teacher.weight <= kHeaviestTeacher, "a teacher has a weight");
    if (teacher.weight <= 8) teachers.push_back({endpoint, teacher.weight});  // more than that costs time alone
  }
  std::vector<AssignedStudent> students;
  for (const auto& [name, most] : view.students()) {
    Require(most >= 0, "a student has a limit");
    students.push_back({name, most});
  }
  if (teachers.size() > 16 || students.size() > 16) return;
  for (const std::vector<std::size_t>& share : AssignTeachers(teachers, students)) {
    Require(share.empty() == teachers.empty(), "every student has a teacher when there is any");
  }
}

bool Same(const RegistryView& a, const RegistryView& b) {
  auto same = [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.weight == other.second.weight &&
           one.second.state == other.second.state;
  };
  return std::equal(a.teachers().begin(), a.teachers().end(), b.teachers().begin(), b.teachers().end(), same) &&
         a.students() == b.students();
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const bool quiet = (Log().set_level(spdlog::level::off), true);
  static_cast<void>(quiet);
  FuzzInput input(data, size);
  RegistryNews all;
  all.complete = true;
  while (!input.empty()) all.members.push_back(ParseMember(input.Line()));

  RegistryView at_once;
  at_once.Apply(all);
  CheckMembers(at_once);
  RegistryView one_by_one;
  for (const MemberNews& member : all.members) {
    RegistryNews news;
    news.members.push_back(member);
    one_by_one.Apply(news);
  }
  Require(Same(at_once, one_by_one), "what is read at once is what is read change by change");
  return 0;
}
