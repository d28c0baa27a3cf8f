// SPDX-License-Identifier: Apache-2.0
// The EDL_… variables of a reader's configuration.
// Input: a line each: EDL_MAX_TEACHERS, EDL_TEACHERS, EDL_SERVICE, EDL_REDIS; an empty one is not set. Where EDL_REDIS
// has a "#", a password stands in its place.
#include "src/reader/environment.h"

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "src/base/endpoint.h"
#include "src/registry/redis_teachers.h"
#include "src/registry/registry_store.h"
#include "tests/fuzz/fuzz_input.h"

namespace edl {
namespace {

void CheckFixedTeachers(TeacherWatcher& teachers) {
  bool told = false;
  const absl::Status status = teachers.Start([&](const TeacherSet& set) {
    told = true;
    Require(!set.endpoints.empty(), "there are teachers");
    std::set<std::string> seen;
    for (const std::string& endpoint : set.endpoints) {
      Require(CheckEndpoint(endpoint).ok() && seen.insert(endpoint).second, "each is an endpoint of its own");
    }
  });
  Require(status.ok() == told && (told || absl::IsInvalidArgument(status)), "no teachers are an INVALID_ARGUMENT");
}

}  // namespace
}  // namespace edl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  static const std::string& secret = *new std::string("xyzzyplugh");
  FuzzInput input(data, size);
  std::map<std::string, std::string> variables;
  for (const char* name : {"EDL_MAX_TEACHERS", "EDL_TEACHERS", "EDL_SERVICE"}) {
    variables[name] = input.Line();
    if (absl::StrContains(variables[name], secret)) return 0;  // it would be public
  }
  variables["EDL_REDIS"] = absl::StrReplaceAll(input.Rest(), {{"#", secret}});
  auto get = [&](const char* name) {
    const std::string& value = variables[name];
    return value.empty() ? std::nullopt : std::make_optional(value);
  };

  ReaderOptions options;
  std::unique_ptr<TeacherWatcher> teachers;
  const absl::Status status = ApplyEnvironment(get, options, teachers);
  if (!status.ok()) {
    Require(absl::IsInvalidArgument(status), "what makes no sense is an INVALID_ARGUMENT");
    Require(!absl::StrContains(status.message(), secret), "an error repeats nothing of Redis' address");
    return 0;
  }
  Require(options.max_teachers >= 0, "a number of teachers is none below 0");
  if (get("EDL_TEACHERS")) {
    CheckFixedTeachers(*teachers);
  } else if (get("EDL_REDIS")) {
    const RedisTeachersOptions* redis = RedisOptionsOf(*teachers);
    Require(redis != nullptr && redis->Validate().ok(), "the registry can be asked");
    Require(CheckServiceName(redis->service).ok(), "the service has a name");
  } else {
    Require(teachers == nullptr, "nothing is made of nothing");
  }
  return 0;
}
