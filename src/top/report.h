// SPDX-License-Identifier: Apache-2.0
// Report: a fleet as text, once: tables for people, JSON for programs.
// Rules: both are free of control characters, whatever stands in Redis; the JSON is ASCII.
#pragma once

#include <string>
#include <vector>

#include "src/top/fleet_snapshot.h"

namespace edl {

struct WholeFleet {
  std::int64_t at_ms = 0;  // by Redis' clock
  std::vector<ServiceSnapshot> services;
  std::int64_t more_services = 0;  // that were not read: there are too many
};

// `width`: columns of the terminal.
std::string PlainReport(const WholeFleet& fleet, int width);

// {"at_ms", "services": [{"name", "teachers": [{…}], "students": [{…}], "more_teachers", "more_students"}],
// "more_services"}. Each member has what is known of it, under the names that docs/registry.md has, and whom it is
// assigned to; nothing that it does not say.
std::string JsonReport(const WholeFleet& fleet);

}  // namespace edl
