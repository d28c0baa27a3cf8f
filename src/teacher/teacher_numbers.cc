// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/teacher_numbers.h"

#include <chrono>
#include <cmath>

#include "nlohmann/json.hpp"

namespace edl {
namespace {

constexpr std::size_t kLongestName = 200;

double Seconds(TimePoint::duration time) {
  return std::round(std::chrono::duration<double>(time).count() * 1e3) / 1e3;
}

double Milliseconds(std::chrono::nanoseconds time) {
  return std::round(std::chrono::duration<double, std::milli>(time).count() * 1e3) / 1e3;
}

}  // namespace

TeacherNumbers::TeacherNumbers(const ModelInfo& model, const std::string& device, TimePoint started)
    : model_(model.name.substr(0, kLongestName)),
      version_(model.version.substr(0, kLongestName)),
      device_(device.substr(0, kLongestName)),
      started_(started),
      last_(started) {}

std::string TeacherNumbers::ToJson(const ServerStats& stats, TimePoint now) {
  const double seconds = Seconds(now - last_);
  const double rate = seconds > 0 ? std::round(10 * static_cast<double>(stats.rows - rows_) / seconds) / 10 : 0;
  last_ = now;
  rows_ = stats.rows;
  nlohmann::ordered_json json = {{"role", "teacher"},      {"uptime_s", Seconds(now - started_)},
                                 {"model", model_},        {"version", version_},
                                 {"device", device_},      {"rows", stats.rows},
                                 {"rows_per_s", rate},     {"in_flight", stats.in_flight},
                                 {"queued", stats.queued}, {"answered", stats.answered},
                                 {"failed", stats.failed}, {"refused", stats.refused()}};
  if (stats.latency_p50.count() > 0) json["p50_ms"] = Milliseconds(stats.latency_p50);
  if (stats.latency_p99.count() > 0) json["p99_ms"] = Milliseconds(stats.latency_p99);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace edl
