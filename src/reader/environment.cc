// SPDX-License-Identifier: Apache-2.0
#include "src/reader/environment.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/status.h"

namespace edl {

GetVariable ProcessEnvironment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

absl::Status ApplyEnvironment(const GetVariable& get, ReaderOptions& options,
                              std::unique_ptr<TeacherWatcher>& teachers) {
  if (std::optional<std::string> most = get("EDL_MAX_TEACHERS")) {
    if (!absl::SimpleAtoi(*most, &options.max_teachers) || options.max_teachers < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("EDL_MAX_TEACHERS is '", *most, "'; expected a number of teachers, or 0 for all"));
    }
  }
  if (std::optional<std::string> endpoints = get("EDL_TEACHERS")) {
    std::vector<std::string> list;
    for (absl::string_view endpoint : absl::StrSplit(*endpoints, ',', absl::SkipWhitespace())) {
      list.emplace_back(absl::StripAsciiWhitespace(endpoint));
    }
    teachers = FixedTeachers(std::move(list));
    return absl::OkStatus();
  }
  const std::optional<std::string> redis = get("EDL_REDIS");
  const std::optional<std::string> service = get("EDL_SERVICE");
  if (!redis && !service) return absl::OkStatus();
  if (!redis || !service) {
    // One alone could only be a mistake: a reader would have other teachers than its operator thinks.
    return absl::InvalidArgumentError(
        absl::StrCat(redis ? "EDL_REDIS" : "EDL_SERVICE", " is set without ", redis ? "EDL_SERVICE" : "EDL_REDIS",
                     "; teachers are found by both, or named in EDL_TEACHERS=host:port,…"));
  }
  RedisTeachersOptions found;
  found.redis = *redis;
  found.service = *service;
  EDL_RETURN_IF_ERROR(Annotate(found.Validate(), "EDL_REDIS and EDL_SERVICE"));
  teachers = RedisTeachers(std::move(found));
  return absl::OkStatus();
}

}  // namespace edl
