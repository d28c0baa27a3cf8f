// SPDX-License-Identifier: Apache-2.0
#include "src/reader/student_numbers.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <utility>

#include "nlohmann/json.hpp"
#include "src/registry/numbers_publisher.h"

namespace edl {
namespace {

using Json = nlohmann::ordered_json;

// Kept free for what is written after the lanes.
constexpr std::size_t kTail = 64;

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// To a thousandth: more digits would only cost bytes.
double Rounded(double value) {
  return std::round(value * 1e3) / 1e3;
}

double Rate(std::int64_t count, double seconds) {
  return seconds > 0 ? Rounded(std::max(0.0, static_cast<double>(count) / seconds)) : 0;
}

double Share(std::chrono::nanoseconds part, double seconds) {
  return seconds > 0 ? Rounded(std::clamp(Seconds(part) / seconds, 0.0, 1.0)) : 0;
}

Json LaneJson(const LaneStats& lane, double seconds) {
  Json json = {{"endpoint", lane.endpoint},
               {"state", lane.state},
               {"in_flight", lane.in_flight},
               {"window", lane.window},
               {"rows_per_s", Rate(lane.rows, seconds)},
               {"failed", lane.failed}};
  if (lane.completed > 0) json["latency_ms"] = Rounded(1e3 * Seconds(lane.mean_latency()));
  return json;
}

}  // namespace

std::string StudentNumbers::ToJson(ReaderStats stats) {
  const ReaderStats recent = stats.Since(last_);
  const double seconds = Seconds(recent.wall);
  Json json = {{"role", "student"},
               {"uptime_s", Rounded(Seconds(stats.wall))},
               {"rows", stats.rows},
               {"rows_per_s", Rate(recent.rows, seconds)},
               {"verdict", recent.Advice()},
               {"waited", Share(recent.student.waited(), seconds)},
               {"waited_for_teachers", Share(recent.student.waited_for_teachers, seconds)},
               {"waited_for_network", Share(recent.student.waited_for_network, seconds)},
               {"waited_for_head_of_line", Share(recent.student.waited_for_head_of_line, seconds)},
               {"waited_for_source", Share(recent.student.waited_for_source, seconds)},
               {"source_waited_for_student", Share(recent.source_waited_for_student, seconds)},
               {"retried", stats.retried},
               {"hedged", stats.hedged},
               {"lanes", Json::array()}};
  std::size_t size = Text(json).size() + kTail;
  std::int64_t left_out = 0;
  for (const LaneStats& lane : recent.lanes) {
    if (left_out > 0) {  // one had no room
      ++left_out;
      continue;
    }
    Json one = LaneJson(lane, seconds);
    size += Text(one).size() + 1;
    if (size <= kMostNumbersBytes) {
      json["lanes"].push_back(std::move(one));
    } else {
      left_out = 1;
    }
  }
  if (left_out > 0) json["more_lanes"] = left_out;
  last_ = std::move(stats);
  return Text(json);
}

}  // namespace edl
