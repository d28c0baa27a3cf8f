// SPDX-License-Identifier: Apache-2.0
#include "src/timeline/timeline_svg.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace edl {
namespace {

using Kind = TimelineSlice::Kind;

constexpr double kLeft = 70;  // for the rows' names
constexpr double kRight = 20;
constexpr double kRowHeight = 13;
constexpr double kRowStep = 15;
constexpr double kGroupStep = 22;
constexpr double kRingHeight = 40;
constexpr double kLeastWidth = 0.7;
constexpr double kTold = 3;        // a slice as wide as this can be pointed at
constexpr double kGap = 0.7;       // between two of those
constexpr double kMostTicks = 20;  // of the axis, which has 12 or so

struct Style {
  Kind kind;
  const char* name;
  const char* colour;
  const char* meaning;
};

constexpr Style kStyles[] = {
    {Kind::kFirst, "first", "#4c8dd6", "attempt, answered"},
    {Kind::kFailed, "failed", "#d64545", "attempt, failed"},
    {Kind::kRetry, "retry", "#e8912d", "retry, answered"},
    {Kind::kHedge, "hedge", "#9b59c9", "hedge, answered first"},
    {Kind::kDropped, "dropped", "#8b949e", "lost a race, or cancelled"},
    {Kind::kStep, "step", "#2a9d8f", "the student's step"},
    {Kind::kWaits, "waits", "#e3c04b", "Next() waits"},
    {Kind::kPull, "pull", "#6aa84f", "pull from the source"},
    {Kind::kSplit, "split", "#38761d", "split"},
    {Kind::kHeld, "held", "#c9ced4", "held back, or waits"},
};

const Style& StyleOf(Kind kind) {
  return *std::find_if(std::begin(kStyles), std::end(kStyles), [&](const Style& style) { return style.kind == kind; });
}

constexpr char kReplacement[] = "\xef\xbf\xbd";  // U+FFFD

// Of text in UTF-8, which a trace's JSON is. Some characters XML has no form for, not even an escaped one (XML 1.0,
// section 2.2); others of ASCII that steer would be taken for blanks.
std::string Escape(const std::string& text) {
  std::string escaped = absl::StrReplaceAll(
      text,
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\xef\xbf\xbe", kReplacement}, {"\xef\xbf\xbf", kReplacement}});
  for (std::size_t at = 0; at < escaped.size(); ++at) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(escaped[at]))) escaped.replace(at, 1, kReplacement);
  }
  return escaped;
}

class Picture {
 public:
  Picture(const Timeline& timeline, int width) : timeline_(timeline), width_(width) {}

  std::string Draw() {
    for (std::size_t i = 0; i < timeline_.rows.size(); ++i) PlaceRow(i);
    if (!ring_placed_) PlaceRing();
    for (std::size_t i = 0; i < timeline_.rows.size(); ++i) DrawSlices(timeline_.rows[i], tops_[i]);
    DrawRing();
    for (const TimelineArrow& arrow : timeline_.arrows) DrawArrow(arrow);
    const double bottom = y_ + 4;
    std::string axis = Axis(bottom);
    DrawLegend(bottom + 38);
    return absl::StrCat(Head(bottom + 38 + kRowStep * LegendLines()), axis, body_, "</svg>\n");
  }

 private:
  double X(double at) const {
    const double share = (at - timeline_.from) / (timeline_.to - timeline_.from);
    return kLeft + std::clamp(share, 0.0, 1.0) * (width_ - kLeft - kRight);
  }

  std::string Head(double height) const {
    std::string head = absl::StrFormat(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" font-size=\"11\"\n"
        "     font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n<style>\n"
        "text { fill: #7d8590 } .grid { stroke: #7d8590; stroke-opacity: 0.25 } .ring { fill: #2a9d8f; fill-opacity: "
        "0.6 }\n.arrow { fill: none; stroke-width: 1.2 } .retry-arrow { stroke: #e8912d } .hedge-arrow { stroke: "
        "#9b59c9 }\n",
        width_, height);
    for (const Style& style : kStyles) absl::StrAppend(&head, ".", style.name, " { fill: ", style.colour, " }\n");
    absl::StrAppend(&head, "</style>\n<defs>\n");
    for (Kind kind : {Kind::kRetry, Kind::kHedge}) {
      absl::StrAppend(&head, "<marker id=\"", StyleOf(kind).name,
                      "-head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" ",
                      "markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\"><path class=\"", StyleOf(kind).name,
                      "\" d=\"M0 0 10 5 0 10z\"/></marker>\n");
    }
    return absl::StrCat(head, "</defs>\n");
  }

  void Text(double x, double y, const char* anchor, const std::string& text) {
    absl::StrAppendFormat(&body_, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
                          Escape(text));
  }

  // Teachers' places have their teacher's name above them; the ring goes between the reader and them.
  void PlaceRow(std::size_t i) {
    const TimelineRow& row = timeline_.rows[i];
    const bool of_reader = row.group == "reader";
    if (!of_reader && !ring_placed_) PlaceRing();
    if (!of_reader && row.group != group_) {
      Text(kLeft, y_ + kGroupStep - 6, "start", row.group);
      y_ += kGroupStep;
    }
    group_ = row.group;
    Text(kLeft - 6, y_ + kRowHeight - 3, "end", row.name);
    tops_.push_back(y_);
    y_ += kRowStep;
  }

  void PlaceRing() {
    ring_placed_ = true;
    ring_top_ = y_ + 3;
    y_ += kRingHeight + 8;
  }

  // What is told apart is an element of its own; all others of a kind are one, since there may be very many.
  void DrawSlices(const TimelineRow& row, double top) {
    std::map<Kind, std::string> others;
    std::map<Kind, double> drawn;  // how far
    for (const TimelineSlice& slice : row.slices) {
      const double x = X(slice.from);
      const double width = std::max(X(slice.to) - x, kLeastWidth);
      const bool unusual = slice.kind == Kind::kFailed || slice.kind == Kind::kRetry || slice.kind == Kind::kHedge;
      if (unusual || width >= kTold) {
        absl::StrAppendFormat(
            &body_, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\"><title>%s, %.3f ms",
            StyleOf(slice.kind).name, x, top, std::max(width - kGap, kLeastWidth), kRowHeight, Escape(slice.text),
            slice.to - slice.from);
        absl::StrAppend(&body_, "</title></rect>\n");
        continue;
      }
      if (x + width < drawn[slice.kind] + kLeastWidth / 2) continue;
      drawn[slice.kind] = x + width;
      absl::StrAppendFormat(&others[slice.kind], "M%.1f %.1fh%.1fv%.0fh-%.1fz", x, top, width, kRowHeight, width);
    }
    for (const auto& [kind, path] : others) {
      absl::StrAppend(&body_, "<path class=\"", StyleOf(kind).name, "\" d=\"", path, "\"/>\n");
    }
  }

  void DrawRing() {
    int most = 1;
    for (const auto& [at, count] : timeline_.ready) most = std::max(most, count);
    const double bottom = ring_top_ + kRingHeight;
    std::string path = absl::StrFormat("M%.1f %.1f", kLeft, bottom);
    double drawn = 0;
    for (const auto& [at, count] : timeline_.ready) {
      const double x = X(at);
      if (x - drawn < kLeastWidth / 2) continue;
      drawn = x;
      absl::StrAppendFormat(&path, "H%.1fV%.1f", x, bottom - kRingHeight * count / most);
    }
    absl::StrAppendFormat(&body_, "<path class=\"ring\" d=\"%sH%.1fV%.1fz\"><title>finished batches that wait for ",
                          path, width_ - kRight, bottom);
    absl::StrAppend(&body_, "the student, ", most, " at most</title></path>\n");
    Text(kLeft - 6, ring_top_ + 10, "end", absl::StrCat("ring, ", most));
    Text(kLeft - 6, bottom, "end", "0");
  }

  // A retry's from the end of the attempt that failed; a hedge's from the other at the moment when it is sent.
  void DrawArrow(const TimelineArrow& arrow) {
    const bool down = tops_[arrow.from_row] < tops_[arrow.to_row];
    const double from = tops_[arrow.from_row] + (down ? kRowHeight : 0);
    const double to = tops_[arrow.to_row] + (down ? 0 : kRowHeight);
    const char* name = StyleOf(arrow.hedge ? Kind::kHedge : Kind::kRetry).name;
    absl::StrAppendFormat(&body_,
                          "<path class=\"arrow %s-arrow\" marker-end=\"url(#%s-head)\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n",
                          name, name, X(arrow.hedge ? arrow.to : arrow.from), from, X(arrow.to), to);
  }

  std::string Axis(double bottom) {
    const double span = timeline_.to - timeline_.from;
    double step = std::pow(10, std::floor(std::log10(span / 5)));
    for (double factor : {2.0, 2.5, 2.0}) {
      if (span / step > 12) step *= factor;
    }
    std::string axis;
    const double first = std::ceil(timeline_.from / step) * step;
    // Counted: so far from zero that a step is less than the numbers' own grain, adding it would lead nowhere.
    const double last = std::floor((timeline_.to - first) / step + 1e-6);
    for (int i = 0; i <= std::min(last, kMostTicks); ++i) {
      const double at = first + i * step;
      absl::StrAppendFormat(&axis, "<path class=\"grid\" d=\"M%.1f 4V%.1f\"/>\n", X(at), bottom);
      absl::StrAppendFormat(&axis, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>\n", X(at), bottom + 14,
                            at);
    }
    absl::StrAppendFormat(&axis, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">ms</text>\n", kLeft - 26,
                          bottom + 14);
    return axis;
  }

  static constexpr int kLegendColumns = 5;
  static int LegendLines() { return (static_cast<int>(std::size(kStyles)) + kLegendColumns - 1) / kLegendColumns; }

  void DrawLegend(double top) {
    const double step = (width_ - kLeft - kRight) / kLegendColumns;
    int i = 0;
    for (const Style& style : kStyles) {
      const double x = kLeft + step * (i % kLegendColumns);
      const double y = top + kRowStep * (i / kLegendColumns);
      absl::StrAppendFormat(&body_, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\"/>\n",
                            style.name, x, y - 9);
      Text(x + 15, y, "start", style.meaning);
      ++i;
    }
  }

  const Timeline& timeline_;
  const int width_;
  std::string body_;
  double y_ = 4;
  std::vector<double> tops_;  // of the timeline's rows
  std::string group_;
  bool ring_placed_ = false;
  double ring_top_ = 0;
};

}  // namespace

std::string TimelineSvg(const Timeline& timeline, int width) {
  return Picture(timeline, width).Draw();
}

}  // namespace edl
