// SPDX-License-Identifier: Apache-2.0
#include "src/base/legible.h"

#include "gtest/gtest.h"

namespace edl {
namespace {

TEST(Legible, LeavesWhatPeopleWriteAndEscapesWhatWouldSteerATerminal) {
  EXPECT_EQ(Legible("unknown model 'müller'\n\tat line 3"), "unknown model 'müller'\n\tat line 3");
  EXPECT_EQ(Legible(std::string("a\x1b[31m\r\0\x7f", 9)), "a\\x1b[31m\\x0d\\x00\\x7f");
}

TEST(Legible, IsBounded) {
  EXPECT_EQ(Legible(std::string(4096, 'x')), std::string(4096, 'x'));
  EXPECT_EQ(Legible(std::string(1 << 20, 'x')), std::string(4096, 'x') + " [...]");
}

}  // namespace
}  // namespace edl
