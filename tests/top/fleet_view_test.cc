// SPDX-License-Identifier: Apache-2.0
// The screen without a terminal: what each key does to the picture.
#include "src/top/fleet_view.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/top/details.h"

namespace edl {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

FleetNews News(int teachers, int students, const std::string& service = "rows") {
  FleetNews news;
  news.any = true;
  news.fleet.services = {{"bert", 0, 0}, {"rows", teachers, students}};
  news.fleet.current.name = service;
  for (int i = 0; i < teachers; ++i) {
    TeacherEntry& teacher = news.fleet.current.teachers.emplace_back();
    teacher.endpoint = absl::StrCat("teacher-", 100 + i, ":1");
    teacher.rows_per_s = 1000 - i;
  }
  for (int i = 0; i < students; ++i) {
    StudentEntry& student = news.fleet.current.students.emplace_back();
    student.name = absl::StrCat("student-", 100 + i, "/0");
    student.max_teachers = 0;
    student.verdict = "teachers are the bottleneck";
  }
  Assign(news.fleet.current);
  return news;
}

class FleetViewTest : public ::testing::Test {
 protected:
  std::vector<std::string> Lines(int width = 80, int height = 24) {
    std::vector<std::string> lines;
    for (const FrameLine& line : view_.Draw(width, height)) {
      lines.emplace_back();
      for (const Span& span : line) lines.back() += span.text;
      EXPECT_LE(DisplayWidth(lines.back()), width) << lines.back();
    }
    EXPECT_LE(static_cast<int>(lines.size()), height);
    return lines;
  }
  std::string Text(int width = 80, int height = 24) {
    std::string text;
    for (const std::string& line : Lines(width, height)) absl::StrAppend(&text, line, "\n");
    return text;
  }
  // The text of what has that style.
  std::string Styled(Style style) {
    std::string text;
    for (const FrameLine& line : view_.Draw(80, 24)) {
      for (const Span& span : line) text += span.style == style ? span.text : "";
    }
    return text;
  }
  void Type(const std::string& letters) {
    for (char letter : letters) view_.Press({Key::kText, std::string(1, letter)});
  }

  FleetView view_{"redis://h:1", ""};
};

TEST_F(FleetViewTest, ShowsBothTablesAndWhatTheySumUpTo) {
  view_.Take(News(3, 2));
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("redis://h:1"));
  EXPECT_THAT(text, HasSubstr("bert 0/0  rows 3/2"));
  EXPECT_THAT(text, HasSubstr("3 of 3 teachers serve, 3.0k rows/s; 2 students"));
  EXPECT_THAT(text, HasSubstr("teacher-102:1"));
  EXPECT_THAT(text, HasSubstr("student-101/0"));
  EXPECT_THAT(text, HasSubstr("teachers are the bot"));
  EXPECT_THAT(text, HasSubstr("q quit"));
}

TEST_F(FleetViewTest, FitsAnySizeBeforeAndAfterThereIsNews) {
  for (int round = 0; round < 2; ++round) {
    for (int width = 1; width < 120; width += 7) {
      for (int height = 1; height < 40; ++height) Lines(width, height);
    }
    view_.Take(News(30, 30));
  }
}

TEST_F(FleetViewTest, ScrollsToWhatIsSelected) {
  view_.Take(News(50, 50));
  EXPECT_THAT(Text(), HasSubstr("TEACHER 1-12/50"));
  EXPECT_THAT(Styled(Style::kSelected), StartsWith("teacher-100:1"));
  view_.Press({Key::kEnd, ""});
  EXPECT_THAT(Styled(Style::kSelected), StartsWith("teacher-149:1"));
  EXPECT_THAT(Text(), HasSubstr("TEACHER 39-50/50"));
  view_.Press({Key::kUp, ""});
  EXPECT_THAT(Styled(Style::kSelected), StartsWith("teacher-148:1"));
  view_.Press({Key::kTab, ""});
  EXPECT_THAT(Styled(Style::kSelected), StartsWith("student-100/0"));
  view_.Press({Key::kPageDown, ""});
  EXPECT_THAT(Styled(Style::kSelected), StartsWith("student-105/0"));
}

TEST_F(FleetViewTest, TheSelectionStaysWithItsTeacherAndIsNeverLost) {
  view_.Take(News(5, 0));
  view_.Press({Key::kEnd, ""});
  Type("5r");  // by rows/s, the slowest first
  EXPECT_THAT(Styled(Style::kSelected), StartsWith("teacher-104:1"));
  EXPECT_EQ(Lines()[4].substr(0, 13), "teacher-104:1");
  view_.Take(News(2, 0));
  EXPECT_THAT(Styled(Style::kSelected), StartsWith("teacher-10"));
}

TEST_F(FleetViewTest, SortsByTheChosenColumn) {
  view_.Take(News(5, 0));
  EXPECT_THAT(Styled(Style::kSortedHeader), StartsWith("TEACHER"));
  Type(">>>>");
  EXPECT_EQ(Styled(Style::kSortedHeader), "ROWS/S");
  EXPECT_THAT(Lines()[4], StartsWith("teacher-100:1"));
  Type("r");
  EXPECT_THAT(Lines()[4], StartsWith("teacher-104:1"));
  Type("<<<<<<<<");
  EXPECT_THAT(Styled(Style::kSortedHeader), StartsWith("TEACHER"));
}

TEST_F(FleetViewTest, FiltersWhileItIsTyped) {
  view_.Take(News(50, 2));
  Type("/-14q");
  view_.Press({Key::kBackspace, ""});
  EXPECT_FALSE(view_.quit());
  EXPECT_THAT(Text(), HasSubstr("Show what holds: -14_"));
  EXPECT_THAT(Text(), HasSubstr("TEACHER 1-10/10"));
  view_.Press({Key::kEnter, ""});
  EXPECT_THAT(Text(), HasSubstr("Only what holds: -14"));
  view_.Press({Key::kEscape, ""});
  EXPECT_THAT(Text(), HasSubstr("/50"));
}

TEST_F(FleetViewTest, GoesFromServiceToService) {
  view_.Take(News(3, 2));
  EXPECT_EQ(view_.service(), "rows");
  Type("s");
  EXPECT_EQ(view_.service(), "bert");
  EXPECT_THAT(Text(), HasSubstr("reading"));
  EXPECT_THAT(Text(), Not(HasSubstr("teacher-100")));
  Type("S");
  EXPECT_EQ(view_.service(), "rows");
  EXPECT_THAT(Text(), HasSubstr("teacher-100"));
}

TEST_F(FleetViewTest, TellsAllOfTheSelectedOne) {
  view_.Take(News(3, 1));
  view_.Press({Key::kEnter, ""});
  EXPECT_THAT(Text(), HasSubstr("Teaches 1 student:\n  student-100/0"));
  view_.Take(News(0, 1));
  EXPECT_THAT(Text(), HasSubstr("Teacher teacher-100:1 is no longer listed."));
  view_.Press({Key::kEscape, ""});
  view_.Press({Key::kTab, ""});
  view_.Press({Key::kEnter, ""});
  EXPECT_THAT(Text(), HasSubstr("teachers are the bottleneck"));
}

TEST_F(FleetViewTest, HelpsAndQuits) {
  EXPECT_THAT(HelpText(), Each(::testing::SizeIs(::testing::Le(80u))));
  Type("?");
  EXPECT_THAT(Text(), HasSubstr("previous service"));
  Type("h");
  EXPECT_THAT(Text(), Not(HasSubstr("previous service")));
  Type("q");
  EXPECT_TRUE(view_.quit());
}

TEST_F(FleetViewTest, SaysThatRedisIsAwayAndGoesOnShowingWhatWasKnown) {
  FleetNews news = News(3, 1);
  news.status = absl::UnavailableError("Redis at h:1 cannot be reached: \x1b[2J");
  view_.Take(news);
  EXPECT_THAT(Text(), HasSubstr("Redis at h:1 cannot be reached: ?[2J"));
  EXPECT_THAT(Text(), HasSubstr("teacher-102:1"));
}

}  // namespace
}  // namespace edl
