// SPDX-License-Identifier: Apache-2.0
// What FleetView looks like: three lines on top, the teachers, the students, a line of keys.
#include <algorithm>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "src/top/details.h"
#include "src/top/fleet_view.h"

namespace edl {
namespace {

constexpr int kTopLines = 3;
constexpr int kFewestForBoth = 9;  // lines of a screen that has both tables

// Spans side by side, cut at the line's end.
class LineBuilder {
 public:
  explicit LineBuilder(int width) : left_(width) {}
  LineBuilder& Add(const std::string& text, Style style = Style::kPlain) {
    const std::string printable = Printable(text);
    const int wide = std::min(left_, DisplayWidth(printable));
    if (wide > 0) line_.push_back({Fit(printable, wide), style});
    left_ -= std::max(wide, 0);
    return *this;
  }
  // At the right end, if there is room.
  LineBuilder& AddRight(const std::string& text, Style style = Style::kPlain) {
    const int space = left_ - DisplayWidth(Printable(text));
    return space < 1 ? *this : Add(std::string(static_cast<std::size_t>(space), ' ')).Add(text, style);
  }
  int left() const { return left_; }
  FrameLine Build() { return std::move(line_); }

 private:
  int left_;
  FrameLine line_;
};

std::string ClockTime(std::int64_t at_ms) {
  const std::time_t seconds = static_cast<std::time_t>(at_ms / 1000);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[16];
  return std::strftime(text, sizeof text, "%H:%M:%S", &local) > 0 ? text : "";
}

template <typename Members>
std::string RowsPerSecond(const Members& members) {
  double sum = 0;
  bool any = false;
  for (const auto& member : members) {
    sum += member.rows_per_s.value_or(0);
    any = any || member.rows_per_s;
  }
  return any ? absl::StrCat(Compact(sum), " rows/s") : "no rates";
}

std::string More(std::int64_t count) {
  return count > 0 ? absl::StrCat(" (", count, " more are not shown)") : "";
}

std::string Summary(const ServiceSnapshot& service) {
  const auto serving = std::count_if(service.teachers.begin(), service.teachers.end(),
                                     [](const TeacherEntry& teacher) { return teacher.state == "serving"; });
  return absl::StrCat(serving, " of ", service.teachers.size(), " teachers serve", More(service.more_teachers), ", ",
                      RowsPerSecond(service.teachers), "; ", service.students.size(),
                      service.students.size() == 1 ? " student" : " students", More(service.more_students), ", ",
                      RowsPerSecond(service.students));
}

Style StyleOf(RowStyle style) {
  return style == RowStyle::kWarning ? Style::kWarning : style == RowStyle::kQuiet ? Style::kQuiet : Style::kPlain;
}

// The services, this one first where not all have room.
FrameLine ServicesLine(const FleetSnapshot& fleet, const std::string& chosen, int width) {
  const std::vector<ServiceSummary>& services = fleet.services;
  std::size_t now = 0;
  int needed = 10;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (services[i].name == chosen) now = i;
    texts.push_back(absl::StrCat(services[i].name, " ", services[i].teachers, "/", services[i].students));
    needed += static_cast<int>(texts.back().size()) + 2;
  }
  LineBuilder line(width);
  line.Add(services.size() == 1 ? "Service   " : "Services  ");
  const std::size_t first = needed > width ? now : 0;
  for (std::size_t i = 0; i < texts.size() && line.left() > 0; ++i) {
    const std::size_t at = (first + i) % texts.size();
    line.Add(texts[at], services[at].name == chosen ? Style::kBold : Style::kPlain).Add("  ");
  }
  if (services.empty()) line.Add("none yet");
  if (fleet.more_services > 0) line.Add(absl::StrCat("and ", fleet.more_services, " more"));
  return line.Build();
}

}  // namespace

void FleetView::DrawTop(int width, std::vector<FrameLine>& frame) const {
  const FleetSnapshot& fleet = news_.fleet;
  LineBuilder title(width);
  title.Add("edl-top", Style::kBold).Add("  ").Add(source_);
  if (news_.any) title.AddRight(ClockTime(fleet.at_ms));
  frame.push_back(title.Build());
  frame.push_back(ServicesLine(fleet, service_, width));
  LineBuilder state(width);
  if (!news_.status.ok()) {
    state.Add(absl::StrCat(news_.any ? absl::StrCat("as of ", ClockTime(fleet.at_ms), "; ") : "",
                           std::string(news_.status.message())),
              Style::kError);
  } else if (!news_.any || (!service_.empty() && fleet.current.name != service_)) {
    state.Add("reading ...");
  } else {
    state.Add(Summary(fleet.current));
  }
  frame.push_back(state.Build());
}

// A line of titles, and rows.
void FleetView::DrawPane(Pane& pane, bool focused, int width, int height, std::vector<FrameLine>& frame) const {
  const auto rows = static_cast<std::size_t>(std::max(0, height - 1));
  Scroll(pane, std::max<std::size_t>(rows, 1));
  const std::size_t count = pane.table.rows.size();
  const std::size_t end = std::min(count, pane.top + rows);
  Table shown = pane.table;
  if (count > rows || count < pane.total) {
    absl::StrAppend(&shown.columns[0].title, " ", count == 0 ? 0 : pane.top + 1, "-", end, "/", count);
  }
  const std::vector<int> widths = shown.Widths(width);
  LineBuilder titles(width);
  for (std::size_t i = 0; i < shown.columns.size(); ++i) {
    if (widths[i] == 0) continue;
    const bool sorted = i == pane.sorted_by;
    if (i > 0) titles.Add(" ", Style::kHeader);
    titles.Add(Fit(shown.columns[i].title, widths[i], shown.columns[i].align),
               sorted && focused ? Style::kSortedHeader : Style::kHeader);
  }
  titles.Add(std::string(static_cast<std::size_t>(titles.left()), ' '), Style::kHeader);
  frame.push_back(titles.Build());
  for (std::size_t i = pane.top; i < end; ++i) {
    const Row& row = pane.table.rows[i];
    const bool selected = focused && i == pane.place;
    std::string text = Fit(shown.Line(row.cells, widths), width);
    frame.push_back({{std::move(text), selected ? Style::kSelected : StyleOf(row.style)}});
  }
}

void FleetView::DrawText(const std::vector<std::string>& text, int width, int height, std::vector<FrameLine>& frame) {
  const auto rows = static_cast<std::size_t>(std::max(0, height));
  page_rows_ = height;
  scrolled_ = std::min(scrolled_, text.size() > rows ? text.size() - rows : 0);
  for (std::size_t i = scrolled_; i < std::min(text.size(), scrolled_ + rows); ++i) {
    frame.push_back(LineBuilder(width).Add(text[i], i == 0 ? Style::kBold : Style::kPlain).Build());
  }
}

FrameLine FleetView::Bottom(int width) const {
  LineBuilder line(width);
  if (typing_filter_) return line.Add("Show what holds: ").Add(filter_).Add("_", Style::kBold).Build();
  if (page_ != Page::kFleet) return line.Add("Up Down scroll  Esc back  q quit").Build();
  if (!filter_.empty()) return line.Add("Only what holds: ").Add(filter_, Style::kBold).Add("  Esc all").Build();
  return line.Add("q quit  ? help  Tab table  < > sort  r reverse  / filter  s service  Enter more").Build();
}

std::vector<FrameLine> FleetView::Draw(int width, int height) {
  std::vector<FrameLine> frame;
  if (width < 1 || height < 1) return frame;
  const int body = height - kTopLines - 1;
  DrawTop(width, frame);
  if (page_ == Page::kHelp) {
    frame.clear();
    DrawText(HelpText(), width, height - 1, frame);
  } else if (page_ == Page::kDetails) {
    const ServiceSnapshot& service = news_.fleet.current;
    DrawText(
        teachers_in_focus_ ? TeacherDetails(service, teachers_.selected) : StudentDetails(service, students_.selected),
        width, body, frame);
  } else if (height < kFewestForBoth) {
    page_rows_ = body - 1;
    DrawPane(focus(), true, width, body, frame);
  } else {
    const int teachers = static_cast<int>(teachers_.table.rows.size());
    const int students = static_cast<int>(students_.table.rows.size());
    const int rows = body - 2;
    const int below = std::max({1, std::min(students, rows / 3), std::min(students, rows - teachers)});
    const int above = std::min(std::max(teachers, 1), rows - below);
    page_rows_ = teachers_in_focus_ ? above : below;
    DrawPane(teachers_, teachers_in_focus_, width, above + 1, frame);
    DrawPane(students_, !teachers_in_focus_, width, rows - above + 1, frame);
  }
  frame.resize(static_cast<std::size_t>(height - 1));
  frame.push_back(Bottom(width));
  return frame;
}

}  // namespace edl
