// SPDX-License-Identifier: Apache-2.0
#include "src/top/fleet_reader.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/status.h"
#include "src/registry/numbers_publisher.h"
#include "src/registry/registry_store.h"

namespace edl {
namespace {

constexpr std::size_t kRoundTrip = 256;
constexpr char kServices[] = "/service/";
constexpr char kVersion[] = "/version";

// Every service has a version, and has it for ever; so those are shown whose members are all gone, too.
std::string ServiceOf(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kServices) || !absl::ConsumeSuffix(&key, kVersion)) return "";
  const std::string name(key);
  return CheckServiceName(name).ok() ? name : "";
}

std::string Cut(const std::string& text) {
  return text.substr(0, kLongestText);
}

const std::string& TextAt(const RedisReply& reply, std::size_t i) {
  static const std::string& none = *new std::string;
  return i < reply.elements.size() ? reply.elements[i].text : none;
}

// The name and the end of the lease of each member, by name: ZRANGE WITHSCORES' reply, which each renewal reorders.
std::vector<std::pair<std::string, double>> Leases(const RedisReply& reply) {
  std::vector<std::pair<std::string, double>> leases;
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    double end = 0;
    if (!absl::SimpleAtod(reply.elements[i + 1].text, &end)) end = 0;
    leases.emplace_back(reply.elements[i].text, end);
  }
  std::sort(leases.begin(), leases.end());
  for (std::size_t i = 0; i < leases.size(); ++i) {
    std::string& name = leases[i].first;  // who is called so is none of ours; they stay as many as they are
    if (name.size() > kLongestText) name = absl::StrCat(Cut(name), "~", i);
  }
  return leases;
}

}  // namespace

absl::StatusOr<FleetReader::Replies> FleetReader::Ask(const std::vector<std::vector<std::string>>& commands) {
  Replies all;
  for (std::size_t i = 0; i < commands.size(); i += kRoundTrip) {
    const auto end = commands.begin() + static_cast<std::ptrdiff_t>(std::min(i + kRoundTrip, commands.size()));
    EDL_ASSIGN_OR_RETURN(auto replies, redis_.CallAll({commands.begin() + static_cast<std::ptrdiff_t>(i), end}));
    for (absl::StatusOr<RedisReply>& reply : replies) {
      if (absl::IsPermissionDenied(reply.status()) || absl::IsUnauthenticated(reply.status())) return reply.status();
      all.push_back(reply.ok() ? *std::move(reply) : RedisReply{});
    }
  }
  return all;
}

absl::StatusOr<bool> FleetReader::FindServices(int pages) {
  for (int page = 0; page < pages; ++page) {
    EDL_ASSIGN_OR_RETURN(
        const RedisReply reply,
        redis_.Call({"SCAN", cursor_, "MATCH", absl::StrCat(kServices, "*", kVersion), "COUNT", "1000"}));
    if (reply.elements.size() != 2) return absl::InternalError("SCAN was answered in a form of its own");
    for (const RedisReply& key : reply.elements[1].elements) {
      const std::string service = ServiceOf(key.text);
      if (service.empty() || found_.count(service) > 0) continue;
      if (found_.size() < kMostServices) {
        found_.insert(service);
      } else {
        ++found_beyond_;
      }
    }
    services_.insert(found_.begin(), found_.end());
    more_services_ = std::max(more_services_, found_beyond_);
    cursor_ = reply.elements[0].text;
    if (cursor_ != "0") continue;
    services_ = std::exchange(found_, {});
    more_services_ = std::exchange(found_beyond_, 0);
    return true;
  }
  return false;
}

absl::StatusOr<std::vector<ServiceSummary>> FleetReader::Count(const std::string& also) {
  std::set<std::string> names = services_;
  if (!also.empty()) names.insert(also);
  std::vector<std::vector<std::string>> commands;
  for (const std::string& name : names) {
    commands.push_back({"ZCARD", absl::StrCat(kServices, name, "/teachers")});
    commands.push_back({"ZCARD", absl::StrCat(kServices, name, "/students")});
  }
  EDL_ASSIGN_OR_RETURN(const Replies counts, Ask(commands));
  std::vector<ServiceSummary> services;
  for (const std::string& name : names) {
    const std::size_t i = 2 * services.size();
    services.push_back({name, counts[i].integer, counts[i + 1].integer});
  }
  return services;
}

absl::StatusOr<FleetSnapshot> FleetReader::Read(const std::string& service) {
  FleetSnapshot fleet;
  EDL_ASSIGN_OR_RETURN(fleet.services, Count(service));
  fleet.more_services = more_services_;
  EDL_ASSIGN_OR_RETURN(const RedisReply clock, redis_.Call({"TIME"}));
  std::int64_t seconds = 0, micros = 0;
  if (!absl::SimpleAtoi(TextAt(clock, 0), &seconds) || !absl::SimpleAtoi(TextAt(clock, 1), &micros)) {
    return absl::InternalError("TIME was answered in a form of its own");
  }
  fleet.at_ms = seconds * 1000 + micros / 1000;
  std::string name = service;
  for (const ServiceSummary& one : fleet.services) {
    if (name.empty() && one.teachers + one.students > 0) name = one.name;
  }
  if (name.empty() && !fleet.services.empty()) name = fleet.services.front().name;
  if (!name.empty()) {
    EDL_ASSIGN_OR_RETURN(fleet.current, ReadService(name, fleet.at_ms));
  }
  return fleet;
}

absl::StatusOr<ServiceSnapshot> FleetReader::ReadService(const std::string& name, std::int64_t now_ms) {
  ServiceSnapshot service;
  service.name = name;
  const std::string prefix = absl::StrCat(kServices, name, "/");
  const std::string last = absl::StrCat(kMostShown - 1);
  EDL_ASSIGN_OR_RETURN(const Replies replies, Ask({{"ZCARD", prefix + "teachers"},
                                                   {"ZCARD", prefix + "students"},
                                                   {"ZRANGE", prefix + "teachers", "0", last, "WITHSCORES"},
                                                   {"ZRANGE", prefix + "students", "0", last, "WITHSCORES"}}));
  for (const auto& [endpoint, end] : Leases(replies[2])) {
    TeacherEntry& teacher = service.teachers.emplace_back();
    teacher.endpoint = endpoint;
    if (end <= static_cast<double>(now_ms)) teacher.state = "expired";
  }
  for (const auto& [student, end] : Leases(replies[3])) {
    StudentEntry& entry = service.students.emplace_back();
    entry.name = student;
    ApplyName(entry);
    entry.expired = end <= static_cast<double>(now_ms);
  }
  service.more_teachers =
      std::max<std::int64_t>(0, replies[0].integer - static_cast<std::int64_t>(service.teachers.size()));
  service.more_students =
      std::max<std::int64_t>(0, replies[1].integer - static_cast<std::int64_t>(service.students.size()));
  EDL_RETURN_IF_ERROR(ReadTeachers(prefix, service));
  EDL_RETURN_IF_ERROR(ReadStudents(prefix, service));
  Assign(service);
  return service;
}

absl::Status FleetReader::ReadTeachers(const std::string& prefix, ServiceSnapshot& service) {
  std::vector<std::vector<std::string>> commands;
  for (const TeacherEntry& teacher : service.teachers) {
    commands.push_back({"HGET", prefix + "facts", teacher.endpoint});
    commands.push_back({"HMGET", absl::StrCat(prefix, "nodes/", teacher.endpoint), "model", "info"});
    commands.push_back(
        {"GETRANGE", absl::StrCat(prefix, "numbers/", teacher.endpoint), "0", absl::StrCat(kMostNumbersBytes - 1)});
  }
  EDL_ASSIGN_OR_RETURN(const Replies replies, Ask(commands));
  for (std::size_t i = 0; i < service.teachers.size(); ++i) {
    TeacherEntry& teacher = service.teachers[i];
    ApplyFact(replies[3 * i].text, teacher);
    teacher.model = Cut(TextAt(replies[3 * i + 1], 0));
    teacher.info = Cut(TextAt(replies[3 * i + 1], 1));
    ApplyNumbers(replies[3 * i + 2].text, teacher);
  }
  return absl::OkStatus();
}

absl::Status FleetReader::ReadStudents(const std::string& prefix, ServiceSnapshot& service) {
  std::vector<std::vector<std::string>> commands;
  for (const StudentEntry& student : service.students) {
    commands.push_back(
        {"GETRANGE", absl::StrCat(prefix, "numbers/", student.name), "0", absl::StrCat(kMostNumbersBytes - 1)});
  }
  EDL_ASSIGN_OR_RETURN(const Replies replies, Ask(commands));
  for (std::size_t i = 0; i < replies.size(); ++i) ApplyNumbers(replies[i].text, service.students[i]);
  return absl::OkStatus();
}

}  // namespace edl
