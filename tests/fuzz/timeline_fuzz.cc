// SPDX-License-Identifier: Apache-2.0
// What edl-trace-svg reads. Input: a trace's file.
#include "src/timeline/timeline.h"

#include <sstream>

#include "src/timeline/timeline_svg.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  std::istringstream trace(FuzzInput(data, size).Rest());
  absl::StatusOr<Timeline> timeline = Timeline::Read(trace, 0, 100);
  if (!timeline.ok()) {
    Require(absl::IsInvalidArgument(timeline.status()), "a file that is no trace is an INVALID_ARGUMENT");
    return 0;
  }
  for (const TimelineRow& row : timeline->rows) {
    for (const TimelineSlice& slice : row.slices) {
      Require(slice.from < 100 && slice.to >= 0, "a slice touches the stretch of time");
    }
  }
  for (const TimelineArrow& arrow : timeline->arrows) {
    Require(arrow.from_row < timeline->rows.size() && arrow.to_row < timeline->rows.size(), "an arrow has two rows");
  }
  Require(TimelineSvg(*timeline, 800).size() > 100, "there is a picture");
  return 0;
}
