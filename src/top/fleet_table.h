// SPDX-License-Identifier: Apache-2.0
// Table: a service's teachers, or its students, as rows of cells; sorted, filtered and laid out for a width.
// Place: takes a ServiceSnapshot; FleetView shows a part of it, the plain report all of it.
// Rules: a cell is sorted by its number where it has one, and one that has nothing comes last either way; equal rows
//        stand in the order of their names. Columns that have no room are left out, the least important ones first.
// Thread-safety: a value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/top/display_text.h"
#include "src/top/fleet_snapshot.h"

namespace edl {

enum class RowStyle { kPlain, kQuiet, kWarning };  // quiet: it says nothing of itself; warning: look at it

struct Column {
  std::string title;
  Align align = Align::kLeft;
  int width = 0;       // at least
  int most = 0;        // at most, where there is room for it
  int importance = 0;  // the lowest goes first
};

struct Cell {
  std::string text;
  std::optional<double> number;  // what it is sorted by, if that is not the text
};

struct Row {
  std::string name;
  std::vector<Cell> cells;
  RowStyle style = RowStyle::kPlain;
};

class Table {
 public:
  std::vector<Column> columns;
  std::vector<Row> rows;

  void Sort(std::size_t column, bool descending);
  // Keeps the rows of which a cell, or the name, holds `text`, whatever the case.
  void Filter(const std::string& text);

  // Of each column, in `width` columns of the terminal with one between them; 0: left out.
  std::vector<int> Widths(int width) const;
  // A row, or the titles, laid out so. Fit to be shown.
  std::string Line(const std::vector<Cell>& cells, const std::vector<int>& widths) const;
  std::string Titles(const std::vector<int>& widths) const;

 private:
  int Needed(std::size_t column) const;
};

Table TeacherTable(const ServiceSnapshot& service);
Table StudentTable(const ServiceSnapshot& service);

}  // namespace edl
