// SPDX-License-Identifier: Apache-2.0
#include "src/base/legible.h"

#include "absl/strings/str_cat.h"

namespace edl {

std::string Legible(absl::string_view text) {
  constexpr std::size_t kMost = 4096;
  std::string legible;
  for (unsigned char c : text.substr(0, kMost)) {
    const bool control = (c < ' ' && c != '\n' && c != '\t') || c == 127;
    if (control) {
      absl::StrAppend(&legible, "\\x", absl::Hex(c, absl::kZeroPad2));
    } else {
      legible += static_cast<char>(c);
    }
  }
  if (text.size() > kMost) legible += " [...]";
  return legible;
}

}  // namespace edl
