// SPDX-License-Identifier: Apache-2.0
#include "src/base/secret_file.h"

#include "gmock/gmock.h"
#include "tests/support/scratch_folder.h"

namespace edl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SecretFileTest : public ::testing::Test {
 protected:
  std::string Open(const std::string& text) {
    folder_.Write("tokens", text);
    auto secrets = SecretFile::Open("token_file", file_);
    return secrets.ok() ? "" : secrets.status().ToString();
  }

  test::ScratchFolder folder_;
  const std::string file_ = (folder_.path() / "tokens").string();
};

TEST_F(SecretFileTest, HoldsATokenALineBesideCommentsAndEmptyLines) {
  folder_.Write("tokens", "# of June\r\n\nabc+/=\n  x-._~9  \r\n");
  auto secrets = SecretFile::Open("token_file", file_);
  ASSERT_TRUE(secrets.ok()) << secrets.status();
  EXPECT_THAT(*(*secrets)->Get(), ElementsAre("abc+/=", "x-._~9"));
}

TEST_F(SecretFileTest, SaysWhatIsWrongWithoutShowingIt) {
  EXPECT_THAT(Open("# nothing\n"), HasSubstr("holds no token; expected one a line"));
  const std::string error = Open("good\nse cret\n");
  EXPECT_THAT(error, HasSubstr("INVALID_ARGUMENT: token_file '" + file_ + "' has in line 2 what is no token"));
  EXPECT_THAT(error, Not(HasSubstr("cret")));
  EXPECT_THAT(Open(std::string(100, '\0') + "\n"), HasSubstr("has in line 1 what is no token"));
  EXPECT_THAT(Open(std::string(70'000, 'a')), HasSubstr("is longer than 65536 bytes"));
  EXPECT_THAT(SecretFile::Open("token_file", file_ + "s").status().ToString(),
              HasSubstr("cannot be read: No such file or directory"));
}

TEST_F(SecretFileTest, IsReadAgainWhenItChangesAndKeepsTheLastGoodTokens) {
  folder_.Write("tokens", "old\n");
  auto secrets = SecretFile::Open("token_file", file_);
  ASSERT_TRUE(secrets.ok()) << secrets.status();
  auto first_becomes = [&](const std::string& token) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while ((*secrets)->Get()->front() != token && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return (*secrets)->Get()->front() == token;
  };
  folder_.Write("tokens", "not good\n");
  folder_.Write("next", "newer\n");
  EXPECT_EQ((*secrets)->Get()->front(), "old");
  std::filesystem::rename(folder_.path() / "next", file_);
  EXPECT_TRUE(first_becomes("newer"));
}

TEST_F(SecretFileTest, ASecretLineIsTheFirstWhateverIsInIt) {
  folder_.Write("tokens", "p@ss w\xC3\xB6rd\r\nsecond\n");
  EXPECT_EQ(ReadSecretLine("password-file", file_).value(), "p@ss w\xC3\xB6rd");
  folder_.Write("tokens", "\nsecond\n");
  EXPECT_THAT(ReadSecretLine("password-file", file_).status().message(), HasSubstr("has nothing in its first line"));
}

}  // namespace
}  // namespace edl
