// SPDX-License-Identifier: Apache-2.0
// FleetView: what the user has chosen to see, and the picture of it. It knows no terminal, so tests press its keys.
// Place: takes keys and the size from Screen, and what FleetFeed has read; gives Screen a Frame to draw.
// Thread-safety: one thread at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "src/top/fleet_snapshot.h"
#include "src/top/fleet_table.h"

namespace edl {

enum class Key { kText, kUp, kDown, kPageUp, kPageDown, kHome, kEnd, kEnter, kEscape, kBackspace, kTab };

struct KeyPress {
  Key key = Key::kText;
  std::string text;  // of kText: one character
};

enum class Style { kPlain, kBold, kQuiet, kWarning, kError, kHeader, kSortedHeader, kSelected };

struct Span {
  std::string text;
  Style style = Style::kPlain;
};
using FrameLine = std::vector<Span>;

class FleetView {
 public:
  // `source`: where it comes from, for the title. `service`: to begin with; empty: the first that has members.
  FleetView(std::string source, std::string service) : source_(std::move(source)), service_(std::move(service)) {
    Refresh();
  }

  void Press(const KeyPress& press);

  bool quit() const { return quit_; }
  // What the feed shall read; empty: whatever it finds.
  const std::string& service() const { return service_; }

  void Take(FleetNews news);

  // `height` lines at most, of `width` columns at most; fit to be shown. Scrolls so that the selected row is seen.
  std::vector<FrameLine> Draw(int width, int height);

 private:
  // One of the two tables, and the user's place in it.
  struct Pane {
    Table table;  // as sorted and filtered
    std::size_t sorted_by = 0;
    bool descending = false;
    std::string selected;   // the row's name
    std::size_t place = 0;  // its place; what is selected once that row is gone
    std::size_t top = 0;
    std::size_t total = 0;  // rows before filtering
  };
  enum class Page { kFleet, kDetails, kHelp };

  Pane& focus() { return teachers_in_focus_ ? teachers_ : students_; }
  void Refresh();
  static void Reselect(Pane& pane);
  void TypeFilter(const KeyPress& press);
  void PressOnPage(const KeyPress& press);
  void PressLetter(char letter);
  void Move(long rows);
  void SortBy(long step);
  void ChooseService(long step);
  static void Scroll(Pane& pane, std::size_t height);

  void DrawTop(int width, std::vector<FrameLine>& frame) const;
  void DrawPane(Pane& pane, bool focused, int width, int height, std::vector<FrameLine>& frame) const;
  void DrawText(const std::vector<std::string>& text, int width, int height, std::vector<FrameLine>& frame);
  FrameLine Bottom(int width) const;

  const std::string source_;
  std::string service_;
  FleetNews news_;
  Pane teachers_, students_;
  bool teachers_in_focus_ = true;
  Page page_ = Page::kFleet;
  std::size_t scrolled_ = 0;  // of the help or the details
  int page_rows_ = 10;        // that PageDown goes
  std::string filter_;
  bool typing_filter_ = false;
  bool quit_ = false;
};

}  // namespace edl
