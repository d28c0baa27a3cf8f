// SPDX-License-Identifier: Apache-2.0
// Legible: text that others made, fit for a log and a terminal.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace edl {

// Its first 4096 bytes; control characters but newline and tab, which an interpreter's trace has, become "\x1b".
std::string Legible(absl::string_view text);

}  // namespace edl
