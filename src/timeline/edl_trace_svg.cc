// SPDX-License-Identifier: Apache-2.0
// edl-trace-svg: a picture of some stretch of a trace, for those who have no browser at hand.
#include <cstdio>
#include <fstream>
#include <string>

#include "CLI/CLI.hpp"
#include "src/timeline/timeline.h"
#include "src/timeline/timeline_svg.h"

namespace edl {
namespace {

const char kHelp[] =
    "Draws the beginning, or another stretch, of a trace that EDL_TRACE has made, as SVG on the standard output:\n"
    "\n"
    "  edl-trace-svg trace.json --seconds 2 > timeline.svg\n"
    "\n"
    "Perfetto (https://ui.perfetto.dev) shows all of it, and lets one look closer; docs/trace.md says what is what.";

int Run(const std::string& path, double from, double seconds, int width) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "edl-trace-svg: '%s' cannot be read\n", path.c_str());
    return 1;
  }
  absl::StatusOr<Timeline> timeline = Timeline::Read(file, 1000 * from, 1000 * (from + seconds));
  if (!timeline.ok()) {
    std::fprintf(stderr, "edl-trace-svg: '%s': %s\n", path.c_str(), timeline.status().ToString().c_str());
    return 1;
  }
  const std::string svg = TimelineSvg(*timeline, width);
  return std::fwrite(svg.data(), 1, svg.size(), stdout) == svg.size() && std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace edl

int main(int argc, char** argv) {
  std::string path;
  double from = 0;
  double seconds = 2;
  int width = 1200;
  CLI::App app(edl::kHelp);
  app.set_version_flag("--version", EDL_VERSION);
  app.add_option("trace", path, "The trace's file")->required();
  app.add_option("--from", from, "Where to begin, in seconds since the trace's start")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  app.add_option("--seconds", seconds, "How much of it")->check(CLI::Range(1e-6, 1e6))->capture_default_str();
  app.add_option("--width", width, "The picture's width in pixels")
      ->check(CLI::Range(300, 100'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return edl::Run(path, from, seconds, width);
}
