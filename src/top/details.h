// SPDX-License-Identifier: Apache-2.0
// Details: all that is known of one teacher or student, as lines of text; and the text of the help.
#pragma once

#include <string>
#include <vector>

#include "src/top/fleet_snapshot.h"

namespace edl {

// Lines may hold foreign text: make them Printable. One line when nobody has that name any more.
std::vector<std::string> TeacherDetails(const ServiceSnapshot& service, const std::string& endpoint);
std::vector<std::string> StudentDetails(const ServiceSnapshot& service, const std::string& name);

// Keys and columns, in 80 columns.
const std::vector<std::string>& HelpText();

}  // namespace edl
