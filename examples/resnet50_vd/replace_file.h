// SPDX-License-Identifier: Apache-2.0
// ReplaceFile: a file is there whole or not at all, also for who reads it while it is written anew, and after a crash.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace resnet {

// Calls `write` with the name of a file beside `file`, and renames what it has written there to `file`. What `write`
// throws passes through; `file` is then as it was. Throws std::runtime_error, which names the file, when there is no
// such folder or it cannot be written to.
void ReplaceFile(const std::filesystem::path& file, const std::function<void(const std::string& temporary)>& write);

}  // namespace resnet
