// SPDX-License-Identifier: Apache-2.0
#include "src/registry/registry_view.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/endpoint.h"
#include "src/base/status.h"
#include "src/registry/instance_id.h"

namespace edl {
namespace {

constexpr std::size_t kLongestName = 300;

}  // namespace

absl::StatusOr<ViewedTeacher> ParseTeacher(const MemberNews& member) {
  ViewedTeacher teacher;
  if (member.name.size() > kLongestName) return absl::InvalidArgumentError("its endpoint is too long");
  EDL_RETURN_IF_ERROR(CheckEndpoint(member.name));
  if (!member.weight.empty() &&
      (!absl::SimpleAtoi(member.weight, &teacher.weight) || teacher.weight < 1 || teacher.weight > kHeaviestTeacher)) {
    return absl::InvalidArgumentError(absl::StrCat("its weight is '", absl::CHexEscape(member.weight.substr(0, 40)),
                                                   "'; expected 1 to ", kHeaviestTeacher));
  }
  if (member.state == "draining") {
    teacher.state = TeacherState::kDraining;
  } else if (!member.state.empty() && member.state != "serving") {
    return absl::InvalidArgumentError(absl::StrCat("its state is '", absl::CHexEscape(member.state.substr(0, 40)),
                                                   "'; expected serving or draining"));
  }
  return teacher;
}

absl::StatusOr<int> ParseStudent(const std::string& name) {
  const bool printable = std::all_of(name.begin(), name.end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
  const std::size_t slash = name.rfind('/');
  int most = 0;
  if (!printable || name.size() > kLongestName || slash == std::string::npos || slash == 0 ||
      !absl::SimpleAtoi(name.substr(slash + 1), &most) || most < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a name and '/limit', in ", kLongestName, " printable characters at most"));
  }
  return most;
}

void RegistryView::Apply(const RegistryNews& news) {
  if (news.complete) {
    teachers_.clear();
    students_.clear();
  }
  for (const MemberNews& member : news.members) {
    if (member.kind == MemberNews::Kind::kTeacher) {
      teachers_.erase(member.name);
      left_.erase(member.name);
      if (!member.listed) {
        if (member.state == "left") left_.insert(member.name);
        continue;
      }
      absl::StatusOr<ViewedTeacher> teacher = ParseTeacher(member);
      if (teacher.ok()) {
        teachers_[member.name] = *teacher;
      } else {
        LeaveOut("teacher", member.name, teacher.status().ToString());
      }
    } else {
      students_.erase(member.name);
      if (!member.listed) continue;
      const absl::StatusOr<int> most = ParseStudent(member.name);
      if (most.ok()) {
        students_[member.name] = *most;
      } else {
        LeaveOut("student", member.name, most.status().ToString());
      }
    }
  }
}

void RegistryView::LeaveOut(const char* kind, const std::string& name, const std::string& why) {
  if (++nonsense_count_ > 1) return;
  nonsense_ = absl::StrCat("the registry lists a ", kind, " '", absl::CHexEscape(name.substr(0, kLongestName)),
                           "' that is left out: ", why);
}

std::string RegistryView::TakeNonsense() {
  if (nonsense_count_ > 1) absl::StrAppend(&nonsense_, "; and ", nonsense_count_ - 1, " more");
  nonsense_count_ = 0;
  return std::exchange(nonsense_, "");
}

std::string NewStudentName(int max_teachers) {
  char host[65] = "";
  gethostname(host, sizeof host - 1);
  std::string name;
  for (const char* c = host; *c != '\0'; ++c) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(*c)) || *c == '-' || *c == '.') name += *c;
  }
  return absl::StrCat(name, ":", getpid(), ":", NewInstanceId(), "/", max_teachers);
}

}  // namespace edl
