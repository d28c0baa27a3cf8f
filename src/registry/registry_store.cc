// SPDX-License-Identifier: Apache-2.0
#include "src/registry/registry_store.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/status.h"
#include "src/registry/registry_scripts.h"

namespace edl {
namespace {

absl::Status OddAnswer(const RedisConnection& redis) {
  return absl::InternalError(absl::StrCat("the registry's script at ", redis.server(),
                                          " answered in a form of its own; is it another version?"));
}

std::string StateName(TeacherState state) {
  return state == TeacherState::kServing ? "serving" : "draining";
}

}  // namespace

MemberNews NewsOf(MemberNews::Kind kind, const std::string& name, bool listed, const std::string& fact) {
  const std::size_t space = std::min(fact.find(' '), fact.size());
  return {kind, name, listed, fact.substr(0, space), fact.substr(std::min(space + 1, fact.size()))};
}

absl::Status CheckServiceName(const std::string& name) {
  constexpr std::size_t kLongest = 200;
  const bool fits = !name.empty() && name.size() <= kLongest && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("._-:+@", absl::string_view(&c, 1));
  });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", absl::CHexEscape(name),
                                                 "' is no name of a service; expected 1 to ", kLongest,
                                                 " letters, digits and characters of ._-:+@"));
}

RegistryStore::RegistryStore(RedisConnection& redis, const std::string& service)
    : redis_(redis), prefix_(absl::StrCat("/service/", service, "/")) {}

absl::StatusOr<RedisReply> RegistryStore::Run(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {prefix_ + "nodes/", channel()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return redis_.RunScript(
      script, {prefix_ + "teachers", prefix_ + "students", prefix_ + "version", prefix_ + "changes", prefix_ + "facts"},
      all);
}

absl::StatusOr<bool> RegistryStore::RenewTeacher(TeacherLease& lease, std::chrono::milliseconds length) {
  EDL_ASSIGN_OR_RETURN(
      RedisReply reply,
      Run(RenewTeacherScript(), {lease.endpoint, lease.id, absl::StrCat(lease.born), absl::StrCat(length.count()),
                                 StateName(lease.state), lease.model, absl::StrCat(lease.weight), lease.info}));
  if (reply.elements.size() != 2) return OddAnswer(redis_);
  lease.born = reply.elements[1].integer;
  return reply.elements[0].integer == 1;
}

absl::Status RegistryStore::RemoveTeacher(const TeacherLease& lease) {
  return Run(RemoveTeacherScript(), {lease.endpoint, lease.id}).status();
}

absl::StatusOr<std::int64_t> RegistryStore::RenewStudent(const std::string& student, std::chrono::milliseconds length) {
  EDL_ASSIGN_OR_RETURN(RedisReply reply, Run(RenewStudentScript(), {student, absl::StrCat(length.count())}));
  if (reply.kind != RedisReply::Kind::kInteger) return OddAnswer(redis_);
  return reply.integer;
}

absl::Status RegistryStore::RemoveStudent(const std::string& student) {
  return Run(RemoveStudentScript(), {student}).status();
}

absl::StatusOr<RegistryNews> RegistryStore::Read(std::int64_t since) {
  EDL_ASSIGN_OR_RETURN(RedisReply reply, Run(ReadScript(), {absl::StrCat(since), absl::StrCat(kMostMembers)}));
  const std::size_t parts = reply.elements.size();
  if (parts == 3) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the registry at ", redis_.server(), " lists ", reply.elements[1].integer, " teachers and ",
                     reply.elements[2].integer, " students of the service; more than ", kMostMembers,
                     " of either are nonsense: delete the keys ", prefix_, "*, and see who may write there"));
  }
  if (parts != 2 && parts != 4) return OddAnswer(redis_);
  RegistryNews news;
  news.version = reply.elements[0].integer;
  news.complete = parts == 4;
  if (news.complete) {
    std::map<std::string, std::string> facts;
    const std::vector<RedisReply>& pairs = reply.elements[2].elements;
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) facts[pairs[i].text] = pairs[i + 1].text;
    for (const RedisReply& teacher : reply.elements[1].elements) {
      news.members.push_back(NewsOf(MemberNews::Kind::kTeacher, teacher.text, true, facts[teacher.text]));
    }
    for (const RedisReply& student : reply.elements[3].elements) {
      news.members.push_back(NewsOf(MemberNews::Kind::kStudent, student.text, true, ""));
    }
    return news;
  }
  for (const RedisReply& entry : reply.elements[1].elements) {
    if (entry.elements.size() != 3 || entry.elements[0].text.empty()) return OddAnswer(redis_);
    const std::string& member = entry.elements[0].text;
    const auto kind = member.front() == 't' ? MemberNews::Kind::kTeacher : MemberNews::Kind::kStudent;
    news.members.push_back(NewsOf(kind, member.substr(1), entry.elements[1].integer == 1, entry.elements[2].text));
  }
  return news;
}

absl::Status RegistryStore::WriteNumbers(const std::string& member, const std::string& text,
                                         std::chrono::milliseconds lifetime) {
  return redis_.Call({"SET", prefix_ + "numbers/" + member, text, "PX", absl::StrCat(lifetime.count())}).status();
}

absl::Status RegistryStore::RemoveNumbers(const std::string& member) {
  return redis_.Call({"DEL", prefix_ + "numbers/" + member}).status();
}

absl::StatusOr<bool> RegistryStore::HoldScanner(const ForeignScan& scan, const std::string& student,
                                                std::chrono::milliseconds period) {
  const std::string length = absl::StrCat(period.count());
  EDL_ASSIGN_OR_RETURN(RedisReply taken, redis_.Call({"SET", prefix_ + "scanner", student, "NX", "PX", length}));
  if (taken.kind != RedisReply::Kind::kNil) return true;
  if (!scan.running()) return false;
  // When a page took longer than that, another student may have begun; then this one's scan is over.
  EDL_ASSIGN_OR_RETURN(RedisReply holder, redis_.Call({"GET", prefix_ + "scanner"}));
  if (holder.text != student) return false;
  EDL_RETURN_IF_ERROR(redis_.Call({"PEXPIRE", prefix_ + "scanner", length}).status());
  return true;
}

absl::Status RegistryStore::ListForeignTeachers(ForeignScan& scan, const std::string& student,
                                                std::chrono::milliseconds period) {
  constexpr std::size_t kMostAtATime = 100;
  EDL_ASSIGN_OR_RETURN(const bool mine, HoldScanner(scan, student, period));
  if (!mine) {
    scan = {};
    return absl::OkStatus();
  }
  const std::string nodes = prefix_ + "nodes/";
  // The service's name holds nothing that MATCH takes for a pattern.
  EDL_ASSIGN_OR_RETURN(RedisReply page, redis_.Call({"SCAN", scan.cursor, "MATCH", nodes + "*", "COUNT", "1000"}));
  if (page.elements.size() != 2) return OddAnswer(redis_);
  scan.cursor = page.elements[0].text;
  const std::vector<RedisReply>& keys = page.elements[1].elements;
  for (std::size_t i = 0; i < keys.size(); i += kMostAtATime) {
    std::vector<std::string> endpoints;
    for (std::size_t k = i; k < std::min(keys.size(), i + kMostAtATime); ++k) {
      if (!absl::StartsWith(keys[k].text, nodes)) return OddAnswer(redis_);
      endpoints.push_back(keys[k].text.substr(nodes.size()));
    }
    EDL_RETURN_IF_ERROR(Run(ListForeignScript(), endpoints).status());
  }
  return absl::OkStatus();
}

}  // namespace edl
