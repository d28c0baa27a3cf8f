// SPDX-License-Identifier: Apache-2.0
// TraceLog: a trace's file as a test reads it back, after its reader has gone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"

namespace edl::test {

// In nanoseconds since the trace's start.
struct TraceSlice {
  std::string name;
  std::int64_t from = 0;
  std::int64_t to = 0;
  nlohmann::json args;
};

struct TraceArrow {
  std::string name;
  std::pair<int, int> from_row;
  std::int64_t from = 0;
  std::pair<int, int> to_row;
  std::int64_t to = 0;
};

class TraceLog {
 public:
  using Row = std::pair<int, int>;                                                            // group, row
  using AttemptKey = std::tuple<std::int64_t, std::int64_t, std::int64_t, int, std::string>;  // …, number, role

  // Fails the test when the file is no JSON array, an object lacks what its kind needs, slices of a row overlap, or an
  // arrow has no beginning or no end.
  explicit TraceLog(const std::string& path);

  const std::map<Row, std::vector<TraceSlice>>& rows() const { return rows_; }
  const std::vector<TraceArrow>& arrows() const { return arrows_; }
  const std::vector<std::int64_t>& ready() const { return ready_; }  // the counter's values, in time
  const std::string& stopped() const { return stopped_; }            // what the file says of that; empty: nothing

  // Slices of that name on the reader's row of that name.
  std::vector<TraceSlice> Of(const std::string& row, const std::string& name) const;
  // "127.0.0.1:1234" of a teacher's row; empty: it is none.
  std::string Endpoint(const Row& row) const;
  // All attempts, each once: fails the test when one is in it twice.
  std::map<AttemptKey, std::pair<Row, TraceSlice>> Attempts() const;
  // The slice of a row at that time; null when there is none.
  const TraceSlice* At(const Row& row, std::int64_t time) const;

 private:
  void Add(const nlohmann::json& event);
  void CheckRows();

  std::map<int, std::string> groups_;
  std::map<Row, std::string> names_;
  std::map<Row, std::vector<TraceSlice>> rows_;
  std::vector<std::pair<std::int64_t, std::int64_t>> counts_;
  std::vector<std::int64_t> ready_;
  std::map<std::int64_t, TraceArrow> open_;
  std::vector<TraceArrow> arrows_;
  std::string stopped_;
};

}  // namespace edl::test
