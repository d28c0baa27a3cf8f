// SPDX-License-Identifier: Apache-2.0
// TraceJson: says events in the Trace Event Format, which Perfetto and chrome://tracing open: one JSON object a line.
// Rules: the file is an array of such lines with a comma between two. Its closing bracket may be missing (the format
//        allows that), as when the process is killed. A slice is one object with a beginning and a length, so none is
//        ever left open. docs/trace.md lists rows, names and arguments.
// Cost: numbers and constant words are put together by hand, since this is done for every event; what others have
//       chosen (endpoints) goes through nlohmann.
// Thread-safety: one thread at a time.
// Source: Duca and Sinclair, "Trace Event Format", 2016, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "src/trace/trace_event.h"

namespace edl {

class TraceJson {
 public:
  // Times count from `start`.
  explicit TraceJson(TimePoint start) : start_(start) {}

  // The file's beginning and end. What comes between begins with a comma and a new line each.
  static std::string Head();
  static const char* Tail() { return "\n]\n"; }

  static std::string Teacher(int number, const std::string& endpoint);
  // With the names of rows that are new by it.
  void Append(const TraceEvent& event, std::string& out);
  // The last that is recorded: why there is no more.
  std::string Stopped(TimePoint now, const std::string& why) const;

 private:
  void AppendSpan(const TraceEvent& event, std::string& out) const;
  void AppendAttempt(const TraceEvent& event, std::string& out);
  void AppendArrow(const TraceEvent& event, std::string& out);
  // `,"ts":12.345`
  void AppendTime(TimePoint at, std::string& out) const;
  // `,"ts":12.345,"dur":6.789`
  void AppendTimes(const TraceEvent& event, std::string& out) const;

  const TimePoint start_;
  std::set<std::pair<int, int>> named_;  // teachers' places whose rows have their names
  std::int64_t arrows_ = 0;
};

}  // namespace edl
