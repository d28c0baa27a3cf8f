// SPDX-License-Identifier: Apache-2.0
#include "src/trace/trace_json.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace edl {
namespace {

// "Processes" and "threads" are the format's words for groups of rows and rows.
constexpr int kReader = 1;
constexpr int kSourceRow = 1;
constexpr int kStudentRow = 2;
int TeacherGroup(int teacher) {
  return 10 + teacher;
}
// Of a number that no other row of the file has: some viewers take rows of one number for one.
int PlaceRow(int teacher, int place) {
  return 100 * TeacherGroup(teacher) + place;
}

struct Words {
  int row;
  const char* name;
};

Words WordsOf(TraceEvent::Kind kind) {
  using Kind = TraceEvent::Kind;
  switch (kind) {
    case Kind::kPull:
      return {kSourceRow, "pull"};
    case Kind::kSplit:
      return {kSourceRow, "split"};
    case Kind::kFirstTeacher:
      return {kSourceRow, "waits for a first teacher"};
    case Kind::kBatchHeld:
      return {kSourceRow, "held back: no room for a batch"};
    case Kind::kRequestHeld:
      return {kSourceRow, "held back: no room for a request"};
    case Kind::kEpochHeld:
      return {kSourceRow, "held back: the epoch is not asked for"};
    case Kind::kNextWaits:
      return {kStudentRow, "Next() waits"};
    case Kind::kStep:
      return {kStudentRow, "step"};
    case Kind::kBetweenEpochs:
      return {kStudentRow, "between epochs"};
    case Kind::kAttempt:
    case Kind::kReady:
      break;
  }
  return {0, ""};
}

const char* RoleName(AttemptEvent::Role role) {
  switch (role) {
    case AttemptEvent::Role::kFirst:
      return "first";
    case AttemptEvent::Role::kRetry:
      return "retry";
    case AttemptEvent::Role::kHedge:
      return "hedge";
  }
  return "";
}

std::string Outcome(const AttemptEvent& attempt) {
  return attempt.lost ? "lost the race" : absl::StatusCodeToString(attempt.status);
}

// What others have chosen; bytes that are not UTF-8 are replaced.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Name(const char* what, int group, int row, const std::string& name) {
  return absl::StrCat("{\"ph\":\"M\",\"name\":\"", what, "\",\"pid\":", group, ",\"tid\":", row,
                      ",\"args\":{\"name\":", Quoted(name), "}}");
}

}  // namespace

std::string TraceJson::Head() {
  return absl::StrCat("[\n", Name("process_name", kReader, kSourceRow, "reader"), ",\n",
                      Name("thread_name", kReader, kSourceRow, "source"), ",\n",
                      Name("thread_name", kReader, kStudentRow, "student"));
}

std::string TraceJson::Teacher(int number, const std::string& endpoint) {
  return absl::StrCat(
      ",\n", Name("process_name", TeacherGroup(number), PlaceRow(number, 0), absl::StrCat("teacher ", endpoint)));
}

void TraceJson::Append(const TraceEvent& event, std::string& out) {
  if (event.kind == TraceEvent::Kind::kAttempt) return AppendAttempt(event, out);
  if (event.kind != TraceEvent::Kind::kReady) return AppendSpan(event, out);
  absl::StrAppend(&out, ",\n{\"ph\":\"C\",\"name\":\"ring\",\"pid\":", kReader);
  AppendTime(event.from, out);
  absl::StrAppend(&out, ",\"args\":{\"batches\":", event.ready, "}}");
}

void TraceJson::AppendSpan(const TraceEvent& event, std::string& out) const {
  const Words words = WordsOf(event.kind);
  absl::StrAppend(&out, ",\n{\"ph\":\"X\",\"name\":\"", words.name, "\",\"cat\":\"reader\",\"pid\":", kReader,
                  ",\"tid\":", words.row);
  AppendTimes(event, out);
  if (event.item.epoch >= 0) absl::StrAppend(&out, ",\"args\":{\"epoch\":", event.item.epoch);
  if (event.item.batch >= 0) absl::StrAppend(&out, ",\"batch\":", event.item.batch);
  absl::StrAppend(&out, event.item.epoch >= 0 ? "}}" : "}");
}

void TraceJson::AppendAttempt(const TraceEvent& event, std::string& out) {
  const AttemptEvent& attempt = event.attempt;
  const int group = TeacherGroup(attempt.teacher);
  const int row = PlaceRow(attempt.teacher, attempt.place);
  if (named_.emplace(attempt.teacher, attempt.place).second) {
    absl::StrAppend(&out, ",\n", Name("thread_name", group, row, absl::StrCat("place ", attempt.place)));
  }
  const char* role = RoleName(attempt.role);
  const bool first = attempt.role == AttemptEvent::Role::kFirst;
  const bool answered = attempt.status == absl::StatusCode::kOk && !attempt.lost;
  absl::StrAppend(&out, ",\n{\"ph\":\"X\",\"name\":\"", first ? "" : role, first ? "" : ": ", "batch ");
  absl::StrAppend(&out, event.item.batch, answered ? "" : ": ", answered ? "" : Outcome(attempt));
  absl::StrAppend(&out, "\",\"cat\":\"attempt\",\"pid\":", group, ",\"tid\":", row);
  AppendTimes(event, out);
  absl::StrAppend(&out, ",\"args\":{\"epoch\":", event.item.epoch, ",\"batch\":", event.item.batch);
  absl::StrAppend(&out, ",\"first_row\":", attempt.first_row, ",\"rows\":", attempt.rows);
  absl::StrAppend(&out, ",\"attempt\":", attempt.number, ",\"role\":\"", role);
  absl::StrAppend(&out, "\",\"status\":\"", Outcome(attempt), "\"}}");
  if (attempt.after.teacher >= 0) AppendArrow(event, out);
}

// Begins inside the slice before and ends where this one begins; "bp":"e" ties the end to the slice around it.
void TraceJson::AppendArrow(const TraceEvent& event, std::string& out) {
  const AttemptEvent& attempt = event.attempt;
  ++arrows_;
  auto end = [&](const char* phase, int teacher, int place, TimePoint at) {
    absl::StrAppend(&out, ",\n{\"ph\":", phase, ",\"name\":\"", RoleName(attempt.role));
    absl::StrAppend(&out, "\",\"cat\":\"attempt\",\"id\":", arrows_, ",\"pid\":", TeacherGroup(teacher));
    absl::StrAppend(&out, ",\"tid\":", PlaceRow(teacher, place));
    AppendTime(at, out);
    absl::StrAppend(&out, "}");
  };
  end("\"s\"", attempt.after.teacher, attempt.after.place, attempt.after.at);
  end("\"f\",\"bp\":\"e\"", attempt.teacher, attempt.place, event.from);
}

std::string TraceJson::Stopped(TimePoint now, const std::string& why) const {
  std::string out = absl::StrCat(",\n{\"ph\":\"i\",\"s\":\"g\",\"name\":", Quoted("recording stopped: " + why),
                                 ",\"pid\":", kReader, ",\"tid\":", kStudentRow);
  AppendTime(now, out);
  return absl::StrCat(out, "}");
}

void TraceJson::AppendTime(TimePoint at, std::string& out) const {
  const std::int64_t ns = (at - start_) / std::chrono::nanoseconds(1);
  absl::StrAppend(&out, ",\"ts\":", ns / 1000, ".", absl::Dec(ns % 1000, absl::kZeroPad3));
}

void TraceJson::AppendTimes(const TraceEvent& event, std::string& out) const {
  AppendTime(event.from, out);
  const std::int64_t ns = (event.to - event.from) / std::chrono::nanoseconds(1);
  absl::StrAppend(&out, ",\"dur\":", ns / 1000, ".", absl::Dec(ns % 1000, absl::kZeroPad3));
}

}  // namespace edl
