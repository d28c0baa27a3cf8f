// SPDX-License-Identifier: Apache-2.0
#include "src/base/log.h"

#include <memory>
#include <sstream>

#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"

namespace edl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A logger at level warn, and what it wrote.
struct Written {
  std::ostringstream text;
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(text)};
  Written() { logger.set_level(spdlog::level::warn); }
};

TEST(LogLevel, IsKnownByItsNameInAnyCase) {
  Written written;
  for (const auto& [name, level] : {std::pair<const char*, spdlog::level::level_enum>{"info", spdlog::level::info},
                                    {"DEBUG", spdlog::level::debug},
                                    {"Warn", spdlog::level::warn},
                                    {"warning", spdlog::level::warn},
                                    {"ERR", spdlog::level::err},
                                    {"error", spdlog::level::err},
                                    {"OFF", spdlog::level::off}}) {
    EXPECT_TRUE(SetLevel(written.logger, name, "test"));
    EXPECT_EQ(written.logger.level(), level) << name;
  }
  EXPECT_EQ(written.text.str(), "");
}

TEST(LogLevel, AMisspeltOneDoesNotTurnTheLogOff) {
  Written written;
  EXPECT_FALSE(SetLevel(written.logger, "inof", "EDL_LOG_LEVEL"));
  EXPECT_EQ(written.logger.level(), spdlog::level::warn);
  EXPECT_THAT(written.text.str(),
              AllOf(HasSubstr("EDL_LOG_LEVEL is 'inof'"), HasSubstr("trace, debug, info, warn, err, critical or off")));
}

}  // namespace
}  // namespace edl
