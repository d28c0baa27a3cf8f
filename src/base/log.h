// SPDX-License-Identifier: Apache-2.0
// Log: the library's one logger, "edl" in spdlog's registry, so that a program can redirect it or set its level.
// Thread-safety: any thread.
#pragma once

#include <string>

#include "spdlog/logger.h"

namespace edl {

// A logger that the program registered under the name "edl" before the first use, or one of our own on stderr at
// level warn. EDL_LOG_LEVEL (trace, debug, info, warn, err, critical, off) wins over both.
spdlog::logger& Log();

// By such a name, in any case. False: it is none; the level stays as it is, and a warning says so and names `source`.
bool SetLevel(spdlog::logger& logger, const std::string& name, const char* source);

// For programs: the level that they were told, by the same names. EDL_LOG_LEVEL still wins.
void SetLogLevel(const std::string& level);

}  // namespace edl
