// SPDX-License-Identifier: Apache-2.0
// The program edl-register, beside a real server and a real registry.
#include <sys/wait.h>

#include <cstdio>

#include "edl/testing/teacher_process.h"
#include "gmock/gmock.h"
#include "tests/support/eventually.h"
#include "tests/support/program.h"
#include "tests/support/redis_process.h"
#include "tests/support/rows.h"
#include "tests/support/secure_teacher.h"
#include "tests/support/test_ca.h"

namespace edl {
namespace {

using test::Eventually;
using test::RedisProcess;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TeacherProcess;

const char kTeachers[] = "/service/s/teachers";

absl::StatusOr<std::unique_ptr<TeacherProcess>> Register(const RedisProcess& redis, const std::string& endpoint,
                                                         const std::string& model,
                                                         std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
  return TeacherProcess::Start({EDL_REGISTER, "--redis", redis.url(), "--service", "s", "--endpoint", endpoint,
                                "--model", model, "--weight", "3", "--info", "rack 7"},
                               timeout);
}

// What the program wrote, and its exit status.
std::pair<std::string, int> Output(const std::string& arguments) {
  FILE* pipe = popen((std::string(EDL_REGISTER) + " " + arguments + " 2>&1").c_str(), "r");
  std::string text;
  char part[512];
  while (fgets(part, sizeof part, pipe) != nullptr) text += part;
  return {text, WEXITSTATUS(pclose(pipe))};
}

TEST(EdlRegister, ListsAServerThatIsReadyAndTakesItOutOnSigterm) {
  RedisProcess redis;
  auto server = test::StartTeacher();
  auto program = Register(redis, server->endpoint(), "rows");
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ((*program)->endpoint(), server->endpoint());
  EXPECT_THAT(redis.Members(kTeachers), ElementsAre(server->endpoint()));
  const std::string node = "/service/s/nodes/" + server->endpoint();
  EXPECT_EQ(redis.Field(node, "model"), "rows");
  EXPECT_EQ(redis.Field(node, "weight"), "3");
  EXPECT_EQ(redis.Field(node, "info"), "rack 7");
  (*program)->Terminate();
  EXPECT_EQ((*program)->Wait(), 0);
  EXPECT_THAT(redis.Members(kTeachers), IsEmpty());
}

TEST(EdlRegister, DoesNotListAServerWithoutTheModel) {
  RedisProcess redis;
  auto server = test::StartTeacher();
  auto program = Register(redis, server->endpoint(), "another", std::chrono::milliseconds(500));
  EXPECT_EQ(program.status().code(), absl::StatusCode::kDeadlineExceeded) << program.status();
  EXPECT_THAT(redis.Members(kTeachers), IsEmpty());
}

TEST(EdlRegister, LetsTheLeaseRunOutWhenTheServerIsGone) {
  RedisProcess redis;
  auto server = test::StartTeacher();
  auto program = Register(redis, server->endpoint(), "rows");
  ASSERT_TRUE(program.ok()) << program.status();
  const std::string node = "/service/s/nodes/" + server->endpoint();
  server.reset();
  Eventually([&] { return redis.Call({"EXISTS", node}).integer == 0; });
  (*program)->Terminate();
  EXPECT_EQ((*program)->Wait(), 0);
}

TEST(EdlRegister, ListsAServerThatSpeaksTls) {
  RedisProcess redis;
  test::ScratchFolder folder;
  const test::TestCa ca(folder, "edl-ca");
  auto server = test::Serve(test::ServerTls(ca.Issue("teacher")));
  const std::string endpoint = "grpcs://" + server->endpoint();
  auto program = TeacherProcess::Start({EDL_REGISTER, "--redis", redis.url(), "--service", "s", "--endpoint", endpoint,
                                        "--model", "rows", "--tls-ca", ca.file()});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ((*program)->endpoint(), endpoint);
  EXPECT_THAT(redis.Members(kTeachers), ElementsAre(endpoint));
  ReaderOptions options = test::RowOptions();
  options.tls.emplace();
  options.tls->ca_file = ca.file();
  auto reader = test::NewReader(test::BatchesOf(10, 4), RedisTeachers({redis.url(), "s"}), options);
  test::ExpectEpoch(*reader, 0, 10, 4);
}

TEST(EdlRegister, ShowsItsTokenOverPlainTcpOnlyWhenToldTo) {
  RedisProcess redis;
  test::ScratchFolder folder;
  folder.Write("tokens", "dG9rZW4=\n");
  ServerSecurityOptions security;
  security.token_file = (folder.path() / "tokens").string();
  security.allow_token_over_plain_tcp = true;
  auto server = test::Serve(security);
  std::vector<std::string> arguments = {EDL_REGISTER, "--redis",      redis.url(),        "--service",
                                        "s",          "--endpoint",   server->endpoint(), "--model",
                                        "rows",       "--token-file", security.token_file};
  test::Program shy(arguments);
  EXPECT_TRUE(shy.ReadUntil("a token is not sent to it over plain TCP")) << shy.output();
  EXPECT_THAT(redis.Members(kTeachers), IsEmpty());
  arguments.push_back("--allow-token-over-plain-tcp");
  auto program = TeacherProcess::Start(arguments);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_THAT(redis.Members(kTeachers), ElementsAre(server->endpoint()));
}

TEST(EdlRegister, SaysWhatIsWrongWithItsOptions) {
  auto [text, status] = Output("--redis redis://:secret@h:x --service s --endpoint a:1");
  EXPECT_EQ(status, 2);
  EXPECT_THAT(text, AllOf(HasSubstr("--redis: the Redis address has a port"), Not(HasSubstr("secret"))));
  EXPECT_THAT(Output("--redis redis://h --service s --endpoint a").first, HasSubstr("--endpoint: 'a' is no endpoint"));
  EXPECT_THAT(Output("--redis redis://h --service s --endpoint a:1 --weight 0").first, HasSubstr("--weight is 0"));
  EXPECT_THAT(Output("").first, HasSubstr("--redis is required"));
  EXPECT_THAT(Output("--redis redis://:secret@10.0.0.1 --service s --endpoint a:1").first,
              AllOf(HasSubstr("has a password for another machine and no TLS"), Not(HasSubstr("secret"))));
  EXPECT_THAT(Output("--redis redis://h --service s --endpoint a:1 --tls-ca /nowhere").first,
              HasSubstr("edl-register: tls: ca_file '/nowhere' cannot be read: No such file"));
}

TEST(EdlRegister, HelpTeaches) {
  auto [text, status] = Output("--help");
  EXPECT_EQ(status, 0);
  EXPECT_THAT(text, AllOf(HasSubstr("edl-register --redis redis://10.0.0.1:6379 --service"), HasSubstr("SIGTERM"),
                          HasSubstr("ModelReady"), HasSubstr("Env:EDL_REDIS")));
}

}  // namespace
}  // namespace edl
