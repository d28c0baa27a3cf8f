// SPDX-License-Identifier: Apache-2.0
#include "src/timeline/timeline.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace edl {
namespace {

using nlohmann::json;
using Kind = TimelineSlice::Kind;

// Group and row, as the file numbers them. The reader's come first.
using RowNumber = std::pair<std::int64_t, std::int64_t>;

// Throws for a fraction, which json would convert as C++ does: beyond the largest integer, to anything.
std::int64_t Integer(const json& object, const char* key) {
  return object.at(key).get_ref<const json::number_integer_t&>();
}

RowNumber RowOf(const json& event) {
  return {Integer(event, "pid"), Integer(event, "tid")};
}

double Milliseconds(const json& event, const char* key) {
  return event.at(key).get<double>() / 1000;
}

Kind KindOfAttempt(const json& args) {
  const std::string status = args.at("status");
  const std::string role = args.at("role");
  if (status == "lost the race" || status == "CANCELLED") return Kind::kDropped;
  if (status != "OK") return Kind::kFailed;
  return role == "retry" ? Kind::kRetry : role == "hedge" ? Kind::kHedge : Kind::kFirst;
}

Kind KindOf(const json& event) {
  if (event.at("cat") == "attempt") return KindOfAttempt(event.at("args"));
  const std::string name = event.at("name");
  if (name == "pull") return Kind::kPull;
  if (name == "split") return Kind::kSplit;
  if (name == "step") return Kind::kStep;
  return name == "Next() waits" ? Kind::kWaits : Kind::kHeld;
}

std::string TextOf(const json& event) {
  std::string text = event.at("name");
  if (!event.contains("args")) return text;
  for (const auto& [key, value] : event.at("args").items()) {
    absl::StrAppend(&text, ", ", key, " ", value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

// Takes the file's events, one after the other, and puts what was in the stretch of time in its place.
class TimelineReader {
 public:
  TimelineReader(double from, double to) : from_(from), to_(to) {}

  void Add(const json& event) {
    const std::string phase = event.at("ph");
    if (phase == "M") {
      Name(event);
    } else if (phase == "X") {
      AddSlice(event);
    } else if (phase == "C") {
      const std::int64_t batches = Integer(event.at("args"), "batches");
      counts_.emplace_back(Milliseconds(event, "ts"),
                           static_cast<int>(std::clamp<std::int64_t>(batches, 0, INT32_MAX)));
    } else if (phase == "s") {
      open_[Integer(event, "id")] = {RowOf(event), Milliseconds(event, "ts")};
    } else if (phase == "f") {
      AddArrow(event);
    }
  }

  Timeline Take() && {
    Timeline timeline;
    timeline.from = from_;
    timeline.to = to_;
    std::map<RowNumber, std::size_t> places;
    for (auto& [number, row] : rows_) {
      row.group = groups_[number.first];
      row.name = names_[number];
      std::sort(row.slices.begin(), row.slices.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
      places[number] = timeline.rows.size();
      timeline.rows.push_back(std::move(row));
    }
    for (auto& [from, to, arrow] : arrows_) {
      if (places.count(from) == 0 || places.count(to) == 0) continue;
      arrow.from_row = places[from];
      arrow.to_row = places[to];
      timeline.arrows.push_back(arrow);
    }
    timeline.ready = ReadyInTime();
    return timeline;
  }

 private:
  void Name(const json& event) {
    const std::string& name = event.at("args").at("name").get_ref<const std::string&>();
    if (event.at("name") == "process_name") {
      groups_[Integer(event, "pid")] = name;
    } else {
      names_[RowOf(event)] = name;
    }
  }

  void AddSlice(const json& event) {
    const double from = Milliseconds(event, "ts");
    const double to = from + Milliseconds(event, "dur");
    if (to < from_ || from >= to_) return;
    rows_[RowOf(event)].slices.push_back({KindOf(event), from, to, TextOf(event)});
  }

  void AddArrow(const json& event) {
    const auto begin = open_.find(Integer(event, "id"));
    if (begin == open_.end()) return;
    const auto [row, from] = begin->second;
    open_.erase(begin);
    const double to = Milliseconds(event, "ts");
    if (to < from_ || from >= to_) return;
    arrows_.push_back({row, RowOf(event), {event.at("name") == "hedge", 0, from, 0, to}});
  }

  // The last value before it, too.
  std::vector<std::pair<double, int>> ReadyInTime() {
    std::stable_sort(counts_.begin(), counts_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::pair<double, int>> ready{{from_, 0}};
    for (const auto& [at, count] : counts_) {
      if (at < from_) ready.front().second = count;
      if (at >= from_ && at < to_) ready.emplace_back(at, count);
    }
    return ready;
  }

  const double from_;
  const double to_;
  std::map<std::int64_t, std::string> groups_;
  std::map<RowNumber, std::string> names_;
  std::map<RowNumber, TimelineRow> rows_;
  std::vector<std::pair<double, int>> counts_;
  std::map<std::int64_t, std::pair<RowNumber, double>> open_;
  std::vector<std::tuple<RowNumber, RowNumber, TimelineArrow>> arrows_;
};

}  // namespace

absl::StatusOr<Timeline> Timeline::Read(std::istream& trace, double from, double to) {
  TimelineReader reader(from, to);
  std::string line;
  if (!std::getline(trace, line) || line != "[") {
    return absl::InvalidArgumentError("line 1 is not '['; expected a trace that EDL_TRACE has made");
  }
  for (std::int64_t number = 2; std::getline(trace, line) && line != "]"; ++number) {
    if (!line.empty() && line.back() == ',') line.pop_back();
    try {
      reader.Add(json::parse(line));
    } catch (const json::exception& error) {
      // Of a process that was killed, the last line may be half of one.
      if (trace.eof() || trace.peek() == std::istream::traits_type::eof()) break;
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", error.what(), "; expected a trace that EDL_TRACE has made"));
    }
  }
  return std::move(reader).Take();
}

}  // namespace edl
