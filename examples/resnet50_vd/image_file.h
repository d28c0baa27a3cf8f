// SPDX-License-Identifier: Apache-2.0
// ReadFile: the bytes of one file, or a status that says why there are none.
// Errors: NOT_FOUND - there is no such file; INVALID_ARGUMENT - it is empty, larger than any image, or no file (a
//         folder, a pipe); else what the system says. No message names the file: the caller does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace resnet {

// `bytes` is overwritten; its memory is used again from file to file.
absl::Status ReadFile(const std::string& path, std::vector<std::uint8_t>& bytes);

}  // namespace resnet
