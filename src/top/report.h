// SPDX-License-Identifier: Apache-2.0
// Report: a fleet as text, once: tables for people, JSON for programs.
// Rules: both are free of control characters, whatever stands in Redis; the JSON is ASCII.
#pragma once

#include <string>
#include <vector>

#include "src/top/fleet_snapshot.h"

namespace edl {

// `width`: columns of the terminal.
std::string PlainReport(const std::vector<ServiceSnapshot>& services, int width);

// {"at_ms", "services": [{"name", "teachers": [{…}], "students": [{…}], "more_teachers", "more_students"}]}.
// Each member has what is known of it, under the names that docs/registry.md has, and whom it is assigned to.
std::string JsonReport(const std::vector<ServiceSnapshot>& services, std::int64_t at_ms);

}  // namespace edl
