// SPDX-License-Identifier: Apache-2.0
#include "src/reader/environment.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/status.h"
#include "src/registry/redis_address.h"
#include "src/registry/redis_teachers.h"
#include "src/registry/registry_store.h"

namespace edl {
namespace {

// Over what the program gave to RedisTeachers, or in place of other teachers when both are there.
absl::Status ApplyRegistry(const std::optional<std::string>& redis, const std::optional<std::string>& service,
                           std::unique_ptr<TeacherWatcher>& teachers) {
  if (!redis && !service) return absl::OkStatus();
  const RedisTeachersOptions* given = teachers == nullptr ? nullptr : RedisOptionsOf(*teachers);
  if (given == nullptr && !(redis && service)) {
    // One alone may be meant for an edl-teacher that is started from the same shell.
    if (teachers != nullptr) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(redis ? "EDL_REDIS" : "EDL_SERVICE", " is set without ", redis ? "EDL_SERVICE" : "EDL_REDIS",
                     ", and the program names no teachers; they are found by both, or named in "
                     "EDL_TEACHERS=host:port,…"));
  }
  RedisTeachersOptions options = given == nullptr ? RedisTeachersOptions() : *given;
  if (redis) {
    EDL_RETURN_IF_ERROR(Annotate(RedisAddress::Parse(*redis).status(), "EDL_REDIS"));
    options.redis = *redis;
  }
  if (service) {
    EDL_RETURN_IF_ERROR(Annotate(CheckServiceName(*service), "EDL_SERVICE"));
    options.service = *service;
  }
  teachers = RedisTeachers(std::move(options));
  return absl::OkStatus();
}

void ApplyTls(const GetVariable& get, std::optional<TlsOptions>& tls) {
  auto set = [&](const char* name, std::string TlsOptions::*field) {
    const std::optional<std::string> value = get(name);
    if (!value) return;
    if (!tls) tls.emplace();
    (*tls).*field = *value;
  };
  set("EDL_TLS_CA", &TlsOptions::ca_file);
  set("EDL_TLS_CERT", &TlsOptions::cert_file);
  set("EDL_TLS_KEY", &TlsOptions::key_file);
  set("EDL_TLS_SERVER_NAME", &TlsOptions::server_name);
}

}  // namespace

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
  if (std::optional<std::string> trace = get("EDL_TRACE")) options.trace_file = *trace;
  ApplyTls(get, options.tls);
  if (std::optional<std::string> token = get("EDL_TOKEN_FILE")) options.token_file = *token;
  if (std::optional<std::string> endpoints = get("EDL_TEACHERS")) {
    std::vector<std::string> list;
    for (absl::string_view endpoint : absl::StrSplit(*endpoints, ',', absl::SkipWhitespace())) {
      list.emplace_back(absl::StripAsciiWhitespace(endpoint));
    }
    teachers = FixedTeachers(std::move(list));
    return absl::OkStatus();
  }
  return ApplyRegistry(get("EDL_REDIS"), get("EDL_SERVICE"), teachers);
}

}  // namespace edl
