// SPDX-License-Identifier: Apache-2.0
#include "src/base/log.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <optional>

#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace edl {
namespace {

std::optional<spdlog::level::level_enum> ParseLevel(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  const spdlog::level::level_enum level = spdlog::level::from_str(name);
  if (level == spdlog::level::off && name != "off") return std::nullopt;  // spdlog's word for a name it does not know
  return level;
}

std::string EnvironmentLevel() {
  const char* level = std::getenv("EDL_LOG_LEVEL");
  return level == nullptr ? "" : level;
}

std::shared_ptr<spdlog::logger> MakeLogger() {
  std::shared_ptr<spdlog::logger> logger = spdlog::get("edl");
  if (logger == nullptr) {
    logger = std::make_shared<spdlog::logger>("edl", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_level(spdlog::level::warn);
    spdlog::register_logger(logger);
  }
  const std::string level = EnvironmentLevel();
  if (!level.empty()) SetLevel(*logger, level, "EDL_LOG_LEVEL");
  return logger;
}

}  // namespace

bool SetLevel(spdlog::logger& logger, const std::string& name, const char* source) {
  const std::optional<spdlog::level::level_enum> level = ParseLevel(name);
  if (level) {
    logger.set_level(*level);
  } else {
    logger.warn("{} is '{}', which is no level; expected trace, debug, info, warn, err, critical or off", source, name);
  }
  return level.has_value();
}

spdlog::logger& Log() {
  static const std::shared_ptr<spdlog::logger>& logger = *new std::shared_ptr<spdlog::logger>(MakeLogger());
  return *logger;  // never destroyed: threads may log while the process ends
}

void SetLogLevel(const std::string& level) {
  spdlog::logger& logger = Log();
  if (!ParseLevel(EnvironmentLevel())) SetLevel(logger, level, "the log level");
}

}  // namespace edl
