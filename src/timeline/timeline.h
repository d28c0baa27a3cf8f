// SPDX-License-Identifier: Apache-2.0
// Timeline: what a trace's file says of some stretch of time, row by row.
// Place: reads what src/trace writes, also while it is still written and when its end is missing: line by line.
// Units: milliseconds since the trace's start.
// Errors: INVALID_ARGUMENT - not a trace of ours; says which line.
// Thread-safety: a value.
#pragma once

#include <istream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace edl {

struct TimelineSlice {
  // What its colour says.
  enum class Kind { kFirst, kRetry, kHedge, kFailed, kDropped, kPull, kSplit, kStep, kWaits, kHeld };

  Kind kind = Kind::kFirst;
  double from = 0;
  double to = 0;
  std::string text;  // its name, and what else is known of it
};

struct TimelineRow {
  std::string group;                  // "reader", "teacher 10.0.0.2:9898"
  std::string name;                   // "source", "student", "place 3"
  std::vector<TimelineSlice> slices;  // by their beginning
};

// From an attempt to the one that follows it, as indices of rows.
struct TimelineArrow {
  bool hedge = false;
  std::size_t from_row = 0;
  double from = 0;
  std::size_t to_row = 0;
  double to = 0;
};

struct Timeline {
  double from = 0;
  double to = 0;
  std::vector<TimelineRow> rows;  // the student's, the source's, then teachers' in the order of their first attempt
  std::vector<TimelineArrow> arrows;
  std::vector<std::pair<double, int>> ready;  // from then on, so many finished batches wait in the ring

  // What touches [from, to).
  static absl::StatusOr<Timeline> Read(std::istream& trace, double from, double to);
};

}  // namespace edl
