// SPDX-License-Identifier: Apache-2.0
// What foreign text becomes before a terminal gets it, and how numbers are written.
#include "src/top/display_text.h"

#include <clocale>

#include "gmock/gmock.h"

namespace edl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DisplayTextTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(std::setlocale(LC_ALL, "C.UTF-8"), nullptr); }
};

TEST_F(DisplayTextTest, NothingThatSteersATerminalIsLeft) {
  EXPECT_EQ(Printable("\x1b[31mred\x1b]0;title\x07\r\n\t\b\x7f"), "?[31mred?]0;title??????");
  EXPECT_EQ(Printable("a\u009b2Jb"), "a?2Jb");       // C1's CSI
  EXPECT_EQ(Printable("a\u202eb\u2066c"), "a?b?c");  // text that runs backwards
  EXPECT_EQ(Printable(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(Printable("\xff\xc3(\xe4\xb8"),
            "?"
            "?(?"
            "?");  // no UTF-8; and no trigraph
}

TEST_F(DisplayTextTest, LettersOfAllScriptsAreShown) {
  EXPECT_EQ(Printable("模型 Größe"), "模型 Größe");
  EXPECT_EQ(DisplayWidth("模型 Größe"), 10);
}

TEST_F(DisplayTextTest, OfAnotherLocaleOnlyAsciiIsShown) {
  std::setlocale(LC_ALL, "C");
  EXPECT_THAT(Printable("Größe"), Not(HasSubstr("\xc3")));
}

TEST_F(DisplayTextTest, FitsAPlaceExactly) {
  EXPECT_EQ(Fit("abc", 5), "abc  ");
  EXPECT_EQ(Fit("abc", 5, Align::kRight), "  abc");
  EXPECT_EQ(Fit("abcdef", 5), "abcd~");
  EXPECT_EQ(Fit("模型模型", 5), "模型~");
  EXPECT_EQ(Fit("模型模型", 6), "模型~ ");
  EXPECT_EQ(Fit("abc", 0), "");
  EXPECT_EQ(Fit("abc", 1), "~");
}

TEST_F(DisplayTextTest, NumbersAreShort) {
  EXPECT_EQ(Compact(std::nullopt), "-");
  EXPECT_EQ(Compact(0), "0");
  EXPECT_EQ(Compact(0.5), "0.5");
  EXPECT_EQ(Compact(12.3), "12");
  EXPECT_EQ(Compact(999.4), "999");
  EXPECT_EQ(Compact(999.6), "1.0k");
  EXPECT_EQ(Compact(123'456), "123k");
  EXPECT_EQ(Compact(1e300), "huge");
  EXPECT_EQ(Millis(0.123), "0.12");
  EXPECT_EQ(Millis(34.5), "34");
  EXPECT_EQ(Millis(12'345), "12s");
  EXPECT_EQ(Percent(0), "0");
  EXPECT_EQ(Percent(0.004), "0.4");
  EXPECT_EQ(Percent(1), "100");
  EXPECT_EQ(Percent(7), "100");
  EXPECT_EQ(Duration(59), "59s");
  EXPECT_EQ(Duration(3 * 3600 + 5 * 60), "3h05");
  EXPECT_EQ(Duration(1e300), "11574074d01");
}

}  // namespace
}  // namespace edl
