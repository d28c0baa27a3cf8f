// SPDX-License-Identifier: Apache-2.0
// Display text: makes any bytes fit to be written to a terminal, and to a place of so many columns.
// Rules: what comes from Redis is foreign. Control characters, what moves or turns text around, and what is no text in
//        the locale's encoding become '?', so nothing of it can steer the terminal.
// Thread-safety: any thread, while nobody changes the locale.
#pragma once

#include <optional>
#include <string>

namespace edl {

enum class Align { kLeft, kRight };

std::string Printable(const std::string& text);

// Of printable text, in columns: some letters take two.
int DisplayWidth(const std::string& text);

// `text`, made printable, in exactly `width` columns; what does not fit ends in '~'.
std::string Fit(const std::string& text, int width, Align align = Align::kLeft);

// Numbers for people, in few columns; "-" for none.
std::string Compact(std::optional<double> value);     // 0.5, 12, 999, 1.2k, 34k, 5.6M
std::string Millis(std::optional<double> millis);     // 0.12, 1.5, 12, 999, 1.2s, 34s
std::string Percent(std::optional<double> share);     // of 0 to 1: 0, 0.4, 12, 100
std::string Duration(std::optional<double> seconds);  // 59s, 12m, 3h05, 7d02

}  // namespace edl
