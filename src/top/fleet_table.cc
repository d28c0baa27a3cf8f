// SPDX-License-Identifier: Apache-2.0
#include "src/top/fleet_table.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace edl {
namespace {

// A student that waits more of its time is not as quick as it could be.
constexpr double kLongWait = 0.1;

Cell Count(std::optional<double> value) {
  return {Compact(value), value};
}

std::string Lower(const std::string& text) {
  return absl::AsciiStrToLower(text);
}

// Is `a` before `b`? Nothing is never before anything.
int Compare(const Cell& a, const Cell& b, bool descending) {
  const bool numbers = a.number || b.number;
  const bool a_empty = numbers ? !a.number : a.text.empty() || a.text == "-";
  const bool b_empty = numbers ? !b.number : b.text.empty() || b.text == "-";
  if (a_empty || b_empty) return static_cast<int>(a_empty) - static_cast<int>(b_empty);
  const int order = numbers ? (*a.number > *b.number) - (*a.number < *b.number) : a.text.compare(b.text);
  return descending ? -order : order;
}

Row RowOf(const TeacherEntry& teacher) {
  Row row;
  row.name = teacher.endpoint;
  std::optional<double> errors;
  if (teacher.failed || teacher.refused) errors = teacher.failed.value_or(0) + teacher.refused.value_or(0);
  row.cells = {{teacher.endpoint, {}},
               {teacher.state, {}},
               {teacher.left_out.empty() ? teacher.model : teacher.left_out, {}},
               {teacher.device, {}},
               Count(teacher.rows_per_s),
               Count(teacher.in_flight),
               Count(teacher.queued),
               {Millis(teacher.p50_ms), teacher.p50_ms},
               {Millis(teacher.p99_ms), teacher.p99_ms},
               Count(errors),
               Count(static_cast<double>(teacher.students.size()))};
  row.style = teacher.state != "serving" ? RowStyle::kWarning
              : teacher.rows_per_s       ? RowStyle::kPlain
                                         : RowStyle::kQuiet;
  return row;
}

Row RowOf(const StudentEntry& student) {
  auto share = [](std::optional<double> value) { return Cell{Percent(value), value}; };
  const bool left_out = !student.left_out.empty();
  std::string verdict = left_out ? absl::StrCat("left out: ", student.left_out) : student.verdict;
  if (student.expired) verdict = "expired";
  Row row;
  row.name = student.name;
  row.cells = {{student.name, {}},
               Count(student.rows_per_s),
               Count(static_cast<double>(student.teachers.size())),
               share(student.waited),
               share(student.waited_for_teachers),
               share(student.waited_for_network),
               share(student.waited_for_source),
               {verdict, {}}};
  row.style = student.expired || left_out || student.waited.value_or(0) > kLongWait ? RowStyle::kWarning
              : student.rows_per_s                                                  ? RowStyle::kPlain
                                                                                    : RowStyle::kQuiet;
  return row;
}

}  // namespace

void Table::Sort(std::size_t column, bool descending) {
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const int order = Compare(a.cells[column], b.cells[column], descending);
    return order != 0 ? order < 0 : a.name < b.name;
  });
}

void Table::Filter(const std::string& text) {
  if (text.empty()) return;
  const std::string wanted = Lower(text);
  auto holds = [&](const std::string& other) { return absl::StrContains(Lower(other), wanted); };
  auto misses = [&](const Row& row) {
    return !holds(row.name) && std::none_of(row.cells.begin(), row.cells.end(),
                                            [&](const Cell& cell) { return !cell.number && holds(cell.text); });
  };
  rows.erase(std::remove_if(rows.begin(), rows.end(), misses), rows.end());
}

// What the texts of a column need, up to its bound.
int Table::Needed(std::size_t column) const {
  int needed = DisplayWidth(columns[column].title);
  for (const Row& row : rows) {
    if (needed >= columns[column].most) break;
    needed = std::max(needed, DisplayWidth(Printable(row.cells[column].text)));
  }
  return std::min(needed, columns[column].most);
}

std::vector<int> Table::Widths(int width) const {
  std::vector<int> needed, widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    needed.push_back(Needed(i));
    // Numbers change all the time, and their columns shall not.
    widths.push_back(columns[i].align == Align::kRight ? columns[i].width : std::min(columns[i].width, needed[i]));
  }
  auto left = [&] {
    const auto shown = std::count_if(widths.begin(), widths.end(), [](int w) { return w > 0; });
    return width - std::accumulate(widths.begin(), widths.end(), 0) - static_cast<int>(shown) + 1;
  };
  while (left() < 0) {
    std::size_t least = 0;
    for (std::size_t i = 1; i < columns.size(); ++i) {  // the first one stays, however narrow
      if (widths[i] > 0 && (least == 0 || columns[i].importance < columns[least].importance)) least = i;
    }
    if (least == 0) break;
    widths[least] = 0;
  }
  widths[0] = std::min(widths[0], std::max(width, 1));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (widths[i] > 0) widths[i] += std::max(0, std::min(needed[i] - widths[i], left()));
  }
  return widths;
}

std::string Table::Line(const std::vector<Cell>& cells, const std::vector<int>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (widths[i] == 0) continue;
    absl::StrAppend(&line, line.empty() ? "" : " ", Fit(cells[i].text, widths[i], columns[i].align));
  }
  return line;
}

std::string Table::Titles(const std::vector<int>& widths) const {
  std::vector<Cell> titles;
  for (const Column& column : columns) titles.push_back({column.title, {}});
  return Line(titles, widths);
}

Table TeacherTable(const ServiceSnapshot& service) {
  constexpr Align kRight = Align::kRight;
  Table table;
  table.columns = {{"TEACHER", Align::kLeft, 15, 60, 100},
                   {"STATE", Align::kLeft, 8, 8, 90},
                   {"MODEL", Align::kLeft, 8, 40, 40},
                   {"DEVICE", Align::kLeft, 6, 12, 30},
                   {"ROWS/S", kRight, 6, 6, 95},
                   {"BUSY", kRight, 4, 4, 50},
                   {"QUEUE", kRight, 5, 5, 60},
                   {"P50ms", kRight, 5, 5, 20},
                   {"P99ms", kRight, 5, 5, 55},
                   {"ERR", kRight, 4, 4, 70},
                   {"STUD", kRight, 4, 4, 65}};
  for (const TeacherEntry& teacher : service.teachers) table.rows.push_back(RowOf(teacher));
  return table;
}

Table StudentTable(const ServiceSnapshot& service) {
  constexpr Align kRight = Align::kRight;
  Table table;
  table.columns = {{"STUDENT", Align::kLeft, 22, 60, 100},
                   {"ROWS/S", kRight, 6, 6, 95},
                   {"TEACH", kRight, 5, 5, 60},
                   {"WAIT%", kRight, 5, 5, 90},
                   {"TCHR%", kRight, 5, 5, 50},
                   {"NET%", kRight, 4, 4, 40},
                   {"SRC%", kRight, 4, 4, 45},
                   {"VERDICT", Align::kLeft, 22, 200, 80}};
  for (const StudentEntry& student : service.students) table.rows.push_back(RowOf(student));
  return table;
}

}  // namespace edl
