// SPDX-License-Identifier: Apache-2.0
#include "tests/support/trace_log.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "gtest/gtest.h"

namespace edl::test {
namespace {

using nlohmann::json;

std::int64_t Nanoseconds(const json& event, const char* key) {
  return std::llround(event.at(key).get<double>() * 1000);
}

TraceLog::Row RowOf(const json& event) {
  return {event.at("pid").get<int>(), event.at("tid").get<int>()};
}

}  // namespace

TraceLog::TraceLog(const std::string& path) {
  std::ifstream file(path);
  const json events = json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!events.is_array()) {
    ADD_FAILURE() << path << " is no JSON array";
    return;
  }
  for (const json& event : events) {
    try {
      Add(event);
    } catch (const json::exception& error) {
      ADD_FAILURE() << event.dump() << ": " << error.what();
    }
  }
  EXPECT_TRUE(open_.empty()) << "arrows without an end";
  std::stable_sort(counts_.begin(), counts_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [time, count] : counts_) ready_.push_back(count);
  CheckRows();
}

void TraceLog::Add(const json& event) {
  const std::string phase = event.at("ph");
  const std::string name = event.at("name");
  if (phase == "M" && name == "process_name") {
    groups_[event.at("pid")] = event.at("args").at("name");
  } else if (phase == "M") {
    names_[RowOf(event)] = event.at("args").at("name");
  } else if (phase == "X") {
    const std::int64_t from = Nanoseconds(event, "ts");
    rows_[RowOf(event)].push_back({name, from, from + Nanoseconds(event, "dur"), event.value("args", json())});
  } else if (phase == "C") {
    counts_.emplace_back(Nanoseconds(event, "ts"), event.at("args").at("batches"));
  } else if (phase == "s") {
    open_[event.at("id")] = {name, RowOf(event), Nanoseconds(event, "ts"), {}, 0};
  } else if (phase == "f") {
    TraceArrow arrow = open_.at(event.at("id"));
    open_.erase(event.at("id").get<std::int64_t>());
    arrow.to_row = RowOf(event);
    arrow.to = Nanoseconds(event, "ts");
    arrows_.push_back(arrow);
  } else if (phase == "i") {
    stopped_ = name;
  } else {
    ADD_FAILURE() << "an event of a kind that is not ours: " << event.dump();
  }
}

void TraceLog::CheckRows() {
  for (auto& [row, slices] : rows_) {
    EXPECT_TRUE(groups_.count(row.first) > 0 && names_.count(row) > 0) << "row without a name";
    std::sort(slices.begin(), slices.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
    for (std::size_t i = 0; i < slices.size(); ++i) {
      EXPECT_GE(slices[i].from, 0);
      EXPECT_LE(slices[i].from, slices[i].to);
      if (i == 0) continue;
      EXPECT_LE(slices[i - 1].to, slices[i].from) << slices[i - 1].name << " and " << slices[i].name << " overlap";
    }
  }
}

std::vector<TraceSlice> TraceLog::Of(const std::string& row, const std::string& name) const {
  std::vector<TraceSlice> found;
  for (const auto& [at, slices] : rows_) {
    if (groups_.at(at.first) != "reader" || names_.at(at) != row) continue;
    std::copy_if(slices.begin(), slices.end(), std::back_inserter(found),
                 [&](const TraceSlice& slice) { return slice.name == name; });
  }
  return found;
}

std::string TraceLog::Endpoint(const Row& row) const {
  const std::string prefix = "teacher ";
  const std::string& name = groups_.at(row.first);
  return name.compare(0, prefix.size(), prefix) == 0 ? name.substr(prefix.size()) : "";
}

std::map<TraceLog::AttemptKey, std::pair<TraceLog::Row, TraceSlice>> TraceLog::Attempts() const {
  std::map<AttemptKey, std::pair<Row, TraceSlice>> attempts;
  for (const auto& [row, slices] : rows_) {
    if (Endpoint(row).empty()) continue;
    for (const TraceSlice& slice : slices) {
      const json& args = slice.args;
      const AttemptKey key{args.at("epoch"), args.at("batch"), args.at("first_row"), args.at("attempt"),
                           args.at("role")};
      EXPECT_TRUE(attempts.emplace(key, std::pair(row, slice)).second) << "twice: " << args.dump();
    }
  }
  return attempts;
}

const TraceSlice* TraceLog::At(const Row& row, std::int64_t time) const {
  auto found = rows_.find(row);
  if (found == rows_.end()) return nullptr;
  for (const TraceSlice& slice : found->second) {
    if (slice.from <= time && time <= slice.to) return &slice;
  }
  return nullptr;
}

}  // namespace edl::test
