// SPDX-License-Identifier: Apache-2.0
#include "src/base/log.h"

#include <cstdlib>
#include <memory>

#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace edl {
namespace {

std::shared_ptr<spdlog::logger> MakeLogger() {
  std::shared_ptr<spdlog::logger> logger = spdlog::get("edl");
  if (logger == nullptr) {
    logger = std::make_shared<spdlog::logger>("edl", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_level(spdlog::level::warn);
    spdlog::register_logger(logger);
  }
  if (const char* level = std::getenv("EDL_LOG_LEVEL")) logger->set_level(spdlog::level::from_str(level));
  return logger;
}

}  // namespace

spdlog::logger& Log() {
  static const std::shared_ptr<spdlog::logger>& logger = *new std::shared_ptr<spdlog::logger>(MakeLogger());
  return *logger;  // never destroyed: threads may log while the process ends
}

void SetLogLevel(const std::string& level) {
  spdlog::logger& logger = Log();
  if (std::getenv("EDL_LOG_LEVEL") == nullptr) logger.set_level(spdlog::level::from_str(level));
}

}  // namespace edl
