// SPDX-License-Identifier: Apache-2.0
#include "src/timeline/timeline.h"

#include <sstream>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "src/timeline/timeline_svg.h"
#include "tests/support/program.h"

namespace edl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Kind = TimelineSlice::Kind;

std::string Name(const char* what, int group, int row, const char* name) {
  return absl::StrFormat(R"({"ph":"M","name":"%s","pid":%d,"tid":%d,"args":{"name":"%s"}},)", what, group, row, name);
}

std::string Slice(const char* name, const char* category, int group, int row, int ts, int dur, const char* args) {
  return absl::StrFormat(R"({"ph":"X","name":"%s","cat":"%s","pid":%d,"tid":%d,"ts":%d.000,"dur":%d.000,"args":{%s}},)",
                         name, category, group, row, ts, dur, args);
}

const std::string& Trace() {
  static const auto& trace = *new std::string(absl::StrJoin(
      {std::string("["), Name("process_name", 1, 1, "reader"), Name("thread_name", 1, 1, "source"),
       Name("process_name", 10, 1000, "teacher a<1>:1"), Name("thread_name", 10, 1003, "place 3"),
       Name("process_name", 11, 1100, "teacher b:1"), Name("thread_name", 11, 1100, "place 0"),
       Slice("pull", "reader", 1, 1, 1000, 500, R"("epoch":0,"batch":7)"),
       Slice("batch 7: UNAVAILABLE", "attempt", 10, 1003, 2000, 1000, R"("role":"first","status":"UNAVAILABLE")"),
       Slice("retry: batch 7", "attempt", 11, 1100, 3100, 1000, R"("role":"retry","status":"OK")"),
       std::string(R"({"ph":"s","name":"retry","cat":"attempt","id":1,"pid":10,"tid":1003,"ts":2999.000},)"),
       std::string(R"({"ph":"f","bp":"e","name":"retry","cat":"attempt","id":1,"pid":11,"tid":1100,"ts":3100.000},)"),
       Slice("pull", "reader", 1, 1, 900'000, 500, R"("epoch":0,"batch":8)"),
       std::string(R"({"ph":"C","name":"ring","pid":1,"ts":4000.500,"args":{"batches":1}})")},
      "\n"));
  return trace;
}

absl::StatusOr<Timeline> Read(const std::string& text, double from = 0, double to = 10) {
  std::istringstream file(text);
  return Timeline::Read(file, from, to);
}

TEST(Timeline, HasRowsSlicesAndArrowsOfItsStretchOfTime) {
  auto timeline = Read(Trace() + "\n]\n");
  ASSERT_TRUE(timeline.ok()) << timeline.status();
  ASSERT_THAT(timeline->rows, SizeIs(3));
  EXPECT_EQ(timeline->rows[0].group, "reader");
  EXPECT_EQ(timeline->rows[0].name, "source");
  ASSERT_THAT(timeline->rows[0].slices, SizeIs(1)) << "the other is later";
  EXPECT_EQ(timeline->rows[0].slices[0].from, 1);
  EXPECT_EQ(timeline->rows[0].slices[0].to, 1.5);
  EXPECT_EQ(timeline->rows[1].slices[0].kind, Kind::kFailed);
  EXPECT_EQ(timeline->rows[2].slices[0].kind, Kind::kRetry);
  ASSERT_THAT(timeline->arrows, SizeIs(1));
  EXPECT_EQ(timeline->arrows[0].from_row, 1u);
  EXPECT_EQ(timeline->arrows[0].to_row, 2u);
  EXPECT_EQ(timeline->ready, (std::vector<std::pair<double, int>>{{0, 0}, {4.0005, 1}}));
  EXPECT_THAT(Read(Trace(), 5, 10)->rows, SizeIs(0));
}

TEST(Timeline, ReadsWhatAKilledProcessLeft) {
  EXPECT_THAT(Read(Trace())->rows, SizeIs(3));
  EXPECT_THAT(Read(Trace() + ",\n{\"ph\":\"X\",\"na")->rows, SizeIs(3));
}

TEST(Timeline, SaysWhatIsNoTraceOfOurs) {
  EXPECT_THAT(Read("{}").status().ToString(), HasSubstr("INVALID_ARGUMENT: line 1 is not '['"));
  EXPECT_THAT(Read("").status().ToString(), HasSubstr("line 1"));
  EXPECT_THAT(Read("[\nnonsense\n{}\n]\n").status().ToString(), HasSubstr("line 2: "));
  EXPECT_THAT(Read("[\n{\"ph\":\"X\"},\n{}\n]\n").status().ToString(), HasSubstr("expected a trace that EDL_TRACE"));
}

TEST(TimelineSvg, DrawsTheRowsTheArrowAndTheLegend) {
  const std::string svg = TimelineSvg(*Read(Trace()), 1000);
  for (const char* text : {">source</text>", ">place 3</text>", ">teacher a&lt;1&gt;:1</text>", ">ring, 1</text>",
                           "class=\"failed\"", "class=\"retry\"", "url(#retry-head)", ">attempt, failed</text>",
                           "status UNAVAILABLE, 1.000 ms</title>", ">ms</text>"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(TimelineSvg(*Read("[\n]\n"), 1000), HasSubstr("</svg>")) << "of nothing";
}

TEST(TimelineSvg, HasNoCharactersThatXmlCannotHold) {
  Timeline timeline;
  timeline.to = 1000;
  timeline.rows.push_back(
      {"teacher a\x1b[2J:1", "place\n0", {{Kind::kFailed, 1, 900, std::string("\0b\x7f\xef\xbf\xbf", 6)}}});
  const std::string svg = TimelineSvg(timeline, 1000);
  const std::string lost = "\xef\xbf\xbd";
  EXPECT_THAT(svg, HasSubstr(">teacher a" + lost + "[2J:1</text>"));
  EXPECT_THAT(svg, HasSubstr(">place" + lost + "0</text>"));
  EXPECT_THAT(svg, HasSubstr("<title>" + lost + "b" + lost + lost + ", 899.000 ms</title>"));
}

// Where a step is less than the distance from one number to the next.
TEST(TimelineSvg, EndsHoweverFarFromTheStartItIs) {
  for (double from : {0.0, 1e12, 1e18, 1e19, 1e300}) {
    Timeline timeline;
    timeline.from = from;
    timeline.to = from + 2000;
    const std::string svg = TimelineSvg(timeline, 1000);
    EXPECT_LT(svg.size(), 10'000u) << from;
    EXPECT_THAT(svg, HasSubstr("</svg>")) << from;
    EXPECT_THAT(svg, Not(HasSubstr("nan"))) << from;
  }
}

TEST(EdlTraceSvg, TakesNoBeginningThatNoTraceReaches) {
  test::Program program({EDL_TRACE_SVG, "/dev/null", "--from", "1e16"});
  EXPECT_NE(program.Wait(), 0);
  EXPECT_THAT(program.output(), HasSubstr("--from: Value 1e16 not in range"));
}

// A long trace makes no long picture: thousands of slices that share a pixel are drawn as one.
TEST(TimelineSvg, StaysSmall) {
  Timeline timeline;
  timeline.to = 1000;
  timeline.rows.push_back({"teacher a:1", "place 0", {}});
  for (int i = 0; i < 100'000; ++i) {
    timeline.rows[0].slices.push_back({Kind::kFirst, i * 0.01, i * 0.01 + 0.009, "batch"});
    timeline.ready.emplace_back(i * 0.01, i % 7);
  }
  EXPECT_LT(TimelineSvg(timeline, 1000).size(), 200'000u);
}

}  // namespace
}  // namespace edl
