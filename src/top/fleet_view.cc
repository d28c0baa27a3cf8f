// SPDX-License-Identifier: Apache-2.0
// What the keys do. What it looks like: fleet_frame.cc.
#include "src/top/fleet_view.h"

#include <algorithm>

#include "src/top/details.h"

namespace edl {
namespace {

constexpr std::size_t kLongestFilter = 100;

std::size_t Moved(std::size_t from, long by, std::size_t count) {
  if (count == 0) return 0;
  return static_cast<std::size_t>(std::clamp(static_cast<long>(from) + by, 0L, static_cast<long>(count) - 1));
}

}  // namespace

void FleetView::Take(FleetNews news) {
  news_ = std::move(news);
  if (service_.empty()) service_ = news_.fleet.current.name;
  Refresh();
}

void FleetView::Refresh() {
  const ServiceSnapshot none;
  const ServiceSnapshot& service = news_.fleet.current.name == service_ ? news_.fleet.current : none;
  teachers_.table = TeacherTable(service);
  students_.table = StudentTable(service);
  for (Pane* pane : {&teachers_, &students_}) {
    pane->total = pane->table.rows.size();
    pane->table.Filter(filter_);
    pane->table.Sort(pane->sorted_by, pane->descending);
    Reselect(*pane);
  }
}

// The selected row goes with its name.
void FleetView::Reselect(Pane& pane) {
  const std::vector<Row>& rows = pane.table.rows;
  auto named = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == pane.selected; });
  if (named != rows.end()) {
    pane.place = static_cast<std::size_t>(named - rows.begin());
  } else {
    pane.place = Moved(pane.place, 0, rows.size());
    if (!rows.empty()) pane.selected = rows[pane.place].name;
  }
}

void FleetView::Press(const KeyPress& press) {
  if (typing_filter_) {
    TypeFilter(press);
  } else if (page_ != Page::kFleet) {
    PressOnPage(press);
  } else if (press.key == Key::kText) {
    PressLetter(press.text.size() == 1 ? press.text[0] : '\0');
  } else if (press.key == Key::kTab) {
    teachers_in_focus_ = !teachers_in_focus_;
  } else if (press.key == Key::kEnter && !focus().table.rows.empty()) {
    page_ = Page::kDetails;
    scrolled_ = 0;
  } else if (press.key == Key::kEscape) {
    filter_.clear();
    Refresh();
  } else {
    const long all = static_cast<long>(focus().table.rows.size());
    const long page = std::max(1, page_rows_ - 1);
    Move(press.key == Key::kUp         ? -1
         : press.key == Key::kDown     ? 1
         : press.key == Key::kPageUp   ? -page
         : press.key == Key::kPageDown ? page
         : press.key == Key::kHome     ? -all
         : press.key == Key::kEnd      ? all
                                       : 0);
  }
}

void FleetView::TypeFilter(const KeyPress& press) {
  if (press.key == Key::kText && filter_.size() < kLongestFilter) {
    filter_ += press.text;
  } else if (press.key == Key::kBackspace) {
    while (!filter_.empty() && (filter_.back() & 0xC0) == 0x80) filter_.pop_back();  // the rest of one character
    if (!filter_.empty()) filter_.pop_back();
  } else if (press.key == Key::kEscape) {
    filter_.clear();
    typing_filter_ = false;
  } else if (press.key == Key::kEnter) {
    typing_filter_ = false;
  }
  Refresh();
}

void FleetView::PressOnPage(const KeyPress& press) {
  const long page = std::max(1, page_rows_ - 1);
  if (press.key == Key::kText && press.text == "q") {
    quit_ = true;
  } else if (press.key == Key::kUp || press.key == Key::kPageUp) {
    scrolled_ -= std::min(scrolled_, static_cast<std::size_t>(press.key == Key::kUp ? 1 : page));
  } else if (press.key == Key::kDown || press.key == Key::kPageDown) {
    scrolled_ += static_cast<std::size_t>(press.key == Key::kDown ? 1 : page);  // DrawText sees to the end
  } else {
    page_ = Page::kFleet;
  }
}

void FleetView::PressLetter(char letter) {
  if (letter == 'q') quit_ = true;
  if (letter == '?' || letter == 'h') {
    page_ = Page::kHelp;
    scrolled_ = 0;
  }
  if (letter == '/') typing_filter_ = true;
  if (letter == '<' || letter == ',') SortBy(-1);
  if (letter == '>' || letter == '.') SortBy(1);
  if (letter >= '1' && letter <= '9') SortBy(letter - '1' - static_cast<long>(focus().sorted_by));
  if (letter == 'r') {
    focus().descending = !focus().descending;
    Refresh();
  }
  if (letter == 's') ChooseService(1);
  if (letter == 'S') ChooseService(-1);
  if (letter == 'j') Move(1);
  if (letter == 'k') Move(-1);
}

void FleetView::Move(long rows) {
  Pane& pane = focus();
  pane.place = Moved(pane.place, rows, pane.table.rows.size());
  if (!pane.table.rows.empty()) pane.selected = pane.table.rows[pane.place].name;
}

void FleetView::SortBy(long step) {
  Pane& pane = focus();
  pane.sorted_by = Moved(pane.sorted_by, step, pane.table.columns.size());
  // Of numbers the largest ones are looked for, of names the first ones.
  pane.descending = pane.table.columns[pane.sorted_by].align == Align::kRight;
  pane.top = 0;
  Refresh();
}

void FleetView::ChooseService(long step) {
  const std::vector<ServiceSummary>& services = news_.fleet.services;
  if (services.empty()) return;
  auto now = std::find_if(services.begin(), services.end(), [&](const auto& one) { return one.name == service_; });
  const long count = static_cast<long>(services.size());
  const long from = now == services.end() ? 0 : now - services.begin();
  service_ = services[static_cast<std::size_t>((from + step + count) % count)].name;
  for (Pane* pane : {&teachers_, &students_}) pane->top = pane->place = 0;
  Refresh();
}

void FleetView::Scroll(Pane& pane, std::size_t height) {
  const std::size_t count = pane.table.rows.size();
  if (pane.place < pane.top) pane.top = pane.place;
  if (pane.place >= pane.top + height) pane.top = pane.place - height + 1;
  pane.top = std::min(pane.top, count > height ? count - height : 0);
}

}  // namespace edl
