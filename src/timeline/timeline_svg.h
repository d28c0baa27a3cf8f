// SPDX-License-Identifier: Apache-2.0
// TimelineSvg: draws a timeline as one SVG picture that reads on white and on black: a row for the student, the source,
// the ring, and each place of a teacher's window; arrows from attempts to those that follow them; a legend; an axis in
// ms. A slice that is wide enough, or no usual one, says what it is when one points at it.
#pragma once

#include <string>

#include "src/timeline/timeline.h"

namespace edl {

// `width`: of the picture, in pixels.
std::string TimelineSvg(const Timeline& timeline, int width);

}  // namespace edl
