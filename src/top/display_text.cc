// SPDX-License-Identifier: Apache-2.0
#include "src/top/display_text.h"

#include <algorithm>
#include <cstdint>
#include <cwchar>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace edl {
namespace {

// Calls `take(bytes, columns)` for each character; 0 columns: one that must not be shown as it is. wcwidth gives -1 for
// control characters, C1's among them, and 0 for what has no place of its own, such as the marks that turn text around.
template <typename Take>
void ForEachCharacter(const std::string& text, Take take) {
  std::mbstate_t state{};
  for (std::size_t at = 0; at < text.size();) {
    wchar_t character = 0;
    const std::size_t size = std::mbrtowc(&character, text.data() + at, text.size() - at, &state);
    if (size == 0 || size > text.size() - at) {  // a zero byte, or what is no character
      state = {};
      take(text.substr(at, 1), 0);
      ++at;
    } else {
      take(text.substr(at, size), std::max(0, wcwidth(character)));
      at += size;
    }
  }
}

std::string Scaled(double value) {
  for (const char* unit : {"", "k", "M", "G"}) {
    if (value < 9.95)
      return absl::StrFormat("%.*f%s", *unit == '\0' && value == static_cast<int>(value) ? 0 : 1, value, unit);
    if (value < 999.5) return absl::StrFormat("%.0f%s", value, unit);
    value /= 1000;
  }
  return "huge";
}

}  // namespace

std::string Printable(const std::string& text) {
  std::string printable;
  ForEachCharacter(text, [&](const std::string& bytes, int columns) { printable += columns > 0 ? bytes : "?"; });
  return printable;
}

int DisplayWidth(const std::string& text) {
  int width = 0;
  ForEachCharacter(text, [&](const std::string&, int columns) { width += columns; });
  return width;
}

std::string Fit(const std::string& text, int width, Align align) {
  std::string fitted = Printable(text);
  int columns = DisplayWidth(fitted);
  if (columns > width) {
    std::string cut;
    int used = 0;
    bool full = width <= 0;
    ForEachCharacter(fitted, [&](const std::string& bytes, int wide) {
      full = full || used + wide > width - 1;
      if (full) return;
      cut += bytes;
      used += wide;
    });
    fitted = width > 0 ? cut + "~" : "";
    columns = width > 0 ? used + 1 : 0;
  }
  const std::string space(static_cast<std::size_t>(std::max(0, width - columns)), ' ');
  return align == Align::kLeft ? fitted + space : space + fitted;
}

std::string Compact(std::optional<double> value) {
  return value ? Scaled(*value) : "-";
}

std::string Millis(std::optional<double> millis) {
  if (!millis) return "-";
  if (*millis < 0.995) return absl::StrFormat("%.2f", *millis);
  if (*millis < 999.5) return Scaled(*millis);
  return absl::StrCat(Scaled(*millis / 1000), "s");
}

std::string Percent(std::optional<double> share) {
  if (!share) return "-";
  const double percent = std::min(100.0, 100 * *share);
  return absl::StrFormat("%.*f", percent > 0 && percent < 9.95 ? 1 : 0, percent);
}

std::string Duration(std::optional<double> seconds) {
  if (!seconds) return "-";
  const auto whole = static_cast<std::int64_t>(std::min(*seconds, 1e12));
  if (whole < 60) return absl::StrCat(whole, "s");
  if (whole < 3600) return absl::StrCat(whole / 60, "m");
  if (whole < 86'400) return absl::StrFormat("%dh%02d", whole / 3600, whole / 60 % 60);
  return absl::StrFormat("%dd%02d", whole / 86'400, whole / 3600 % 24);
}

}  // namespace edl
