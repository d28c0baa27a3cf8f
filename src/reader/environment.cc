// SPDX-License-Identifier: Apache-2.0
#include "src/reader/environment.h"

#include <cstdlib>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

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
  for (const char* name : {"EDL_REDIS", "EDL_SERVICE"}) {
    if (get(name)) {
      return absl::UnimplementedError(absl::StrCat(
          name,
          " is set, but this version does not look for teachers in Redis; name them in EDL_TEACHERS=host:port,…"));
    }
  }
  return absl::OkStatus();
}

}  // namespace edl
