// SPDX-License-Identifier: Apache-2.0
// Bearer tokens: who is let in, what the others are told, and that nobody else gets to see one.
#include "gmock/gmock.h"
#include "spdlog/sinks/ostream_sink.h"
#include "src/base/log.h"
#include "src/rpc/readiness_probe.h"
#include "src/teacher/token_gate.h"
#include "tests/support/secure_teacher.h"
#include "tests/support/test_ca.h"

namespace edl {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGood[] = "q9-GoodGoodGood";
constexpr char kBad[] = "q9-BadBadBadBad";

class Token : public ::testing::Test {
 protected:
  Token() {
    Write("teacher.tokens", std::string("# old, new\nq9-OldOldOldOld\n") + kGood + "\n");
    Write("student.token", std::string(kGood) + "\n");
  }
  void Write(const std::string& name, const std::string& text) {
    folder_.Write(name, text);
    std::filesystem::permissions(folder_.path() / name, std::filesystem::perms(0600));
  }
  std::string File(const std::string& name) const { return (folder_.path() / name).string(); }

  ServerSecurityOptions WithTls() const {
    ServerSecurityOptions security = test::ServerTls(ca_.Issue("teacher"));
    security.token_file = File("teacher.tokens");
    return security;
  }
  ReaderOptions Options() const {
    ReaderOptions options = test::RowOptions();
    options.tls.emplace();
    options.tls->ca_file = ca_.file();
    options.token_file = File("student.token");
    return options;
  }

  test::ScratchFolder folder_;
  test::TestCa ca_{folder_, "edl-ca"};
};

TEST_F(Token, ARightOneLetsAStudentIn) {
  auto teacher = test::Serve(WithTls());
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), Options()).error, "");
  Write("student.token", "q9-OldOldOldOld");
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), Options()).error, "") << "any line will do";
}

TEST_F(Token, AWrongOneIsRefusedByAMessageThatSaysWhatToDo) {
  auto teacher = test::Serve(WithTls());
  Write("student.token", kBad);
  const test::ReadingResult result = test::ReadFrom(teacher->endpoint(), Options());
  EXPECT_THAT(result.error,
              AllOf(HasSubstr("UNAUTHENTICATED: every teacher that can be reached refuses; teacher 127.0.0.1:"),
                    HasSubstr("the token is none of this teacher's: compare the first line of the student's "
                              "token_file with the teacher's --token-file")));
  EXPECT_EQ(result.lane.state, "refused");
  EXPECT_THAT(result.lane.last_error, HasSubstr("the token is none of this teacher's"));
}

TEST_F(Token, NoneIsRefusedByAMessageThatSaysWhatToDo) {
  auto teacher = test::Serve(WithTls());
  ReaderOptions options = Options();
  options.token_file.clear();
  EXPECT_THAT(test::ReadFrom(teacher->endpoint(), options).error,
              HasSubstr("this teacher wants a token, and none came with the call: name the file that holds it "
                        "(ReaderOptions::token_file, EDL_TOKEN_FILE)"));
}

TEST_F(Token, ATeacherThatWantsAnotherIsLeftOutWhileOthersTeach) {
  auto strict = test::Serve(WithTls());
  ServerSecurityOptions open = WithTls();
  open.token_file.clear();
  auto teacher = test::Serve(open);
  Write("student.token", kBad);
  auto reader =
      test::NewReader(test::BatchesOf(20, 4), FixedTeachers({strict->endpoint(), teacher->endpoint()}), Options());
  test::ExpectEpoch(*reader, 0, 20, 4);
  EXPECT_EQ(strict->stats().rows, 0);
}

TEST_F(Token, IsNotSentOverPlainTcp) {
  auto teacher = test::Serve({});
  ReaderOptions options = Options();
  options.tls.reset();
  EXPECT_THAT(test::ReadFrom(teacher->endpoint(), options).error,
              HasSubstr("a token is not sent to it over plain TCP, where others could read it: list it as grpcs://, or "
                        "set the TLS options (or, on a network that you trust, allow_token_over_plain_tcp)"));
  EXPECT_EQ(teacher->stats().calls, 0);
  options.allow_token_over_plain_tcp = true;
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), options).error, "");
}

TEST_F(Token, ATeacherDoesNotTakeItOverPlainTcpUnlessToldSo) {
  ServerSecurityOptions security;
  security.token_file = File("teacher.tokens");
  EXPECT_THAT(test::TryServe(security).status().ToString(),
              AllOf(HasSubstr("INVALID_ARGUMENT: --token-file is given without TLS, and 127.0.0.1:0 is plain TCP"),
                    HasSubstr("give --tls-cert and --tls-key, too"), HasSubstr("--allow-token-over-plain-tcp")));
  security.allow_token_over_plain_tcp = true;
  auto teacher = test::Serve(security);
  ReaderOptions options = Options();
  options.tls.reset();
  options.allow_token_over_plain_tcp = true;
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), options).error, "");
  Write("student.token", kBad);
  EXPECT_THAT(test::ReadFrom(teacher->endpoint(), options).error, HasSubstr("the token is none of this teacher's"));
}

TEST_F(Token, AUnixSocketNeedsNoTls) {
  ServerSecurityOptions security;
  security.token_file = File("teacher.tokens");
  auto teacher = test::Serve(security, "unix:" + File("socket"));
  ReaderOptions options = Options();
  options.tls.reset();
  EXPECT_EQ(test::ReadFrom(teacher->endpoint(), options).error, "");
}

TEST_F(Token, AFileThatChangesIsReadAgainOnBothSides) {
  auto gate = TokenGate::Open("--token-file", File("teacher.tokens"));
  ASSERT_TRUE(gate.ok()) << gate.status();
  EXPECT_TRUE((*gate)->Check(std::string("Bearer ") + kGood).ok());
  Write("next", kBad);
  std::filesystem::rename(File("next"), File("teacher.tokens"));
  const auto until = std::chrono::steady_clock::now() + seconds(20);
  while (!(*gate)->Check(std::string("Bearer ") + kBad).ok()) ASSERT_LT(std::chrono::steady_clock::now(), until);
  EXPECT_FALSE((*gate)->Check(std::string("Bearer ") + kGood).ok()) << "the old one is void";
}

TEST_F(Token, IsComparedWholeAndByTheSchemeThatRfc6750Names) {
  auto gate = TokenGate::Open("--token-file", File("teacher.tokens"));
  ASSERT_TRUE(gate.ok()) << gate.status();
  const std::string good = kGood;
  EXPECT_TRUE((*gate)->Check("bearer " + good).ok()) << "a scheme has no case";
  for (const std::string& bad : {std::string(), good, "Basic " + good, "Bearer " + good + "x",
                                 "Bearer " + good.substr(0, 5), std::string("Bearer "), std::string("Bearer")}) {
    EXPECT_TRUE(absl::IsUnauthenticated((*gate)->Check(bad))) << bad;
  }
}

TEST_F(Token, TheHealthServiceStaysOpenAndTheModelDoesNot) {
  ServerSecurityOptions security;
  security.token_file = File("teacher.tokens");
  auto teacher = test::Serve(security, "unix:" + File("socket"));
  EXPECT_TRUE(ReadinessProbe(teacher->endpoint(), "").Check(seconds(10)).ok());
  EXPECT_THAT(ReadinessProbe(teacher->endpoint(), "rows").Check(seconds(10)).ToString(),
              HasSubstr("UNAUTHENTICATED: ModelReady: this teacher wants a token"));
}

TEST_F(Token, IsNeverShown) {
  std::ostringstream out;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  Log().sinks().push_back(sink);
  const auto level = Log().level();
  Log().set_level(spdlog::level::trace);
  std::string shown;
  auto teacher = test::Serve(WithTls());
  {
    auto reader = test::NewReader(test::BatchesOf(3, 4), FixedTeachers({teacher->endpoint()}), Options());
    test::ExpectEpoch(*reader, 0, 3, 4);
    shown += reader->ConfigString() + reader->Stats().ToString();
  }
  Write("student.token", kBad);
  const test::ReadingResult refused = test::ReadFrom(teacher->endpoint(), Options());
  Write("student.token", std::string("two words ") + kBad);
  shown += refused.error + refused.lane.last_error + test::ReadFrom(teacher->endpoint(), Options()).error;
  teacher.reset();
  Log().set_level(level);
  Log().sinks().pop_back();
  shown += out.str();
  EXPECT_THAT(shown, AllOf(HasSubstr(File("student.token")), HasSubstr("in rotation"), HasSubstr("in line 1")));
  EXPECT_THAT(shown, AllOf(Not(HasSubstr("GoodGood")), Not(HasSubstr("BadBad")), Not(HasSubstr("OldOld"))));
}

}  // namespace
}  // namespace edl
