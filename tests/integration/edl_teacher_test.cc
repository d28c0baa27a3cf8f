// SPDX-License-Identifier: Apache-2.0
// edl-teacher itself: a real process that serves a real TorchScript file.
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "edl/testing/teacher_process.h"
#include "gmock/gmock.h"
#include "tests/support/raw_call.h"
#include "tests/support/raw_http2.h"
#include "tests/support/redis_process.h"
#include "tests/support/rows.h"
#include "tests/support/script_file.h"
#include "tests/support/test_ca.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TeacherProcess;

// The model of tests/support/rows.h in TorchScript.
constexpr char kRows[] =
    "def forward(self, x: Tensor) -> Tensor:\n"
    "    id = x[:, 0]\n"
    "    salt = x[:, 1]\n"
    "    return torch.stack([id + salt, 3 * id - salt, torch.bitwise_xor(id, salt)], 1)\n";
constexpr char kSidecar[] = R"({"name": "rows",
  "inputs": [{"name": "x", "datatype": "INT64", "shape": [-1, 2]}],
  "outputs": [{"name": "score", "datatype": "INT64", "shape": [-1, 3]}]})";

std::string RowsFile() {
  std::string file = test::SaveScript(kRows);
  std::ofstream(file + ".json") << kSidecar;
  return file;
}

std::unique_ptr<TeacherProcess> StartTeacher(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {EDL_TEACHER, "--host", "127.0.0.1", "--port", "0", "--log-level", "warn"});
  auto teacher = TeacherProcess::Start(arguments);
  EXPECT_TRUE(teacher.ok()) << teacher.status();
  return *std::move(teacher);
}

// What the program says, on both streams, and its exit status.
std::pair<std::string, int> RunTeacher(const std::string& arguments) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((std::string(EDL_TEACHER " ") + arguments + " 2>&1").c_str(), "r"),
                                             pclose);
  std::string text;
  char buffer[4096];
  while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, got);
  const int status = pclose(pipe.release());
  return {text, WEXITSTATUS(status)};
}

TEST(EdlTeacher, TeachesAReader) {
  const std::string file = RowsFile();
  auto one = StartTeacher({"--model", file, "--instances", "2"});
  auto two = StartTeacher({"--model", file});
  auto reader = test::NewReader(test::BatchesOf(50, 8), FixedTeachers({one->endpoint(), two->endpoint()}));
  for (int epoch = 0; epoch < 3; ++epoch) test::ExpectEpoch(*reader, epoch, 50, 8);
}

TEST(EdlTeacher, TeachesByTlsWhoShowsItsToken) {
  test::ScratchFolder folder;
  const test::TestCa ca(folder, "edl-ca");
  const TlsOptions tls = ca.Issue("teacher");
  folder.Write("tokens", "dG9rZW4=\n");
  const std::string tokens = (folder.path() / "tokens").string();
  test::RedisProcess redis;
  auto teacher = StartTeacher({"--model", RowsFile(), "--tls-cert", tls.cert_file, "--tls-key", tls.key_file,
                               "--token-file", tokens, "--redis", redis.url(), "--service", "rows"});
  EXPECT_THAT(teacher->endpoint(), ::testing::StartsWith("grpcs://127.0.0.1:"));
  ReaderOptions options = test::RowOptions();
  options.tls.emplace();
  options.tls->ca_file = tls.ca_file;
  options.token_file = tokens;
  auto reader = test::NewReader(test::BatchesOf(50, 8), RedisTeachers({redis.url(), "rows"}), options);
  test::ExpectEpoch(*reader, 0, 50, 8);
  EXPECT_THAT(redis.Members("/service/rows/teachers"), ::testing::ElementsAre(teacher->endpoint()));
}

TEST(EdlTeacher, FlagsWinOverTheSidecarAndDoWithoutOne) {
  const std::string file = test::SaveScript(kRows);
  auto teacher = StartTeacher({"--model", file, "--name", "by_flags", "--model-version", "7", "--input", "x:INT64:-1,2",
                               "--output", "score:INT64:-1,3", "--max-batch-rows", "4"});
  WireClient client(teacher->endpoint());
  inference::ModelMetadataResponse metadata;
  ASSERT_TRUE(client.stub().ModelMetadata(WireClient::Context().get(), {}, &metadata).ok());
  EXPECT_EQ(metadata.name(), "by_flags");
  EXPECT_EQ(metadata.versions(0), "7");
  EXPECT_EQ(metadata.platform(), "pytorch_torchscript");
  EXPECT_EQ(metadata.inputs(0).shape(0), -1);
  inference::ModelInferRequest request;
  AddRaw(request, "x", "INT64", {5, 2}, std::vector<std::int64_t>(10));
  EXPECT_THAT(client.Infer(request).error_message(), HasSubstr("at most 4"));
}

TEST(EdlTeacher, EndsConnectionsOfTheAgeThatItIsTold) {
  auto teacher = StartTeacher({"--model", RowsFile(), "--connection-age", "1", "--connection-grace", "0.1"});
  test::RawHttp2 old(teacher->endpoint());
  ASSERT_TRUE(old.Greet());
  EXPECT_TRUE(old.AwaitEnd());  // within a minute; without the flags it would be ten
}

TEST(EdlTeacher, AnotherFileOfTheSameNameIsAnotherModelAndIsNotMixedIn) {
  const std::string file = RowsFile();
  const std::string copy = test::SaveScript(kRows);
  std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing);
  std::string script = kRows;
  script.replace(script.find("id + salt"), 9, "salt + id");
  const std::string other = test::SaveScript(script);
  auto first = StartTeacher({"--model", file});
  auto same = StartTeacher({"--model", copy, "--sidecar", file + ".json"});
  auto differs = StartTeacher({"--model", other, "--sidecar", file + ".json"});
  auto version_of = [](const TeacherProcess& teacher) {
    inference::ModelMetadataResponse metadata;
    WireClient client(teacher.endpoint());
    EXPECT_TRUE(client.stub().ModelMetadata(WireClient::Context().get(), {}, &metadata).ok());
    return metadata.versions(0);
  };
  EXPECT_THAT(version_of(*first), HasSubstr("sha256-"));
  EXPECT_EQ(version_of(*first), version_of(*same));
  EXPECT_NE(version_of(*first), version_of(*differs));

  auto reader = test::NewReader(test::BatchesOf(200, 8), FixedTeachers({first->endpoint(), differs->endpoint()}));
  for (int epoch = 0; epoch < 5; ++epoch) test::ExpectEpoch(*reader, epoch, 200, 8);
  int taught = 0;
  for (const LaneStats& lane : reader->Stats().lanes) taught += lane.completed > 0 ? 1 : 0;
  EXPECT_EQ(taught, 1);
}

TEST(EdlTeacher, SigtermFinishesWhatWasAcceptedAndExitsWithZero) {
  // A model that computes for long enough to be caught at it.
  const std::string file = test::SaveScript(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "    y = torch.rand(200, 200)\n"
      "    for i in range(int(x[0, 0])):\n"
      "        y = torch.mm(y, y).softmax(1)\n"
      "    return x + 0 * int(y.sum())\n");
  auto teacher = StartTeacher({"--model", file, "--input", "x:INT64:-1,1", "--output", "y:INT64:-1,1"});
  WireClient client(teacher->endpoint());
  inference::ModelInferRequest request;
  AddRaw<std::int64_t>(request, "x", "INT64", {1, 1}, {2000});
  grpc::Status accepted;
  std::thread caller([&] { accepted = client.Infer(request); });
  // One instance: a second request can only wait, so when it is refused for its deadline, the first is being computed.
  inference::ModelInferRequest quick;
  AddRaw<std::int64_t>(quick, "x", "INT64", {1, 1}, {0});
  for (grpc::Status status; status.ok();) {
    grpc::ClientContext impatient;
    impatient.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    inference::ModelInferResponse reply;
    status = client.stub().ModelInfer(&impatient, quick, &reply);
  }
  teacher->Terminate();
  EXPECT_EQ(teacher->Wait(), 0);
  caller.join();
  EXPECT_TRUE(accepted.ok()) << accepted.error_message();
}

TEST(EdlTeacher, HelpTeaches) {
  const auto [text, status] = RunTeacher("--help");
  EXPECT_EQ(status, 0);
  for (const char* part : {"edl-teacher --model teacher.pt", "\"datatype\": \"UINT8\"", "--device", "--instances",
                           "--max-batch-rows", "SIGTERM"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(EdlTeacher, SaysWhyItCannotServe) {
  const std::string file = RowsFile();
  struct Case {
    std::string arguments, says;
  };
  for (const Case& c : std::vector<Case>{
           {"", "--model is required"},
           {"--model /no/such.pt --input x:INT64:-1,2 --output y:INT64:-1,3", "cannot read model file '/no/such.pt'"},
           {"--model /no/such.pt", "cannot read model file '/no/such.pt'"},
           {"--model " + file + " --redis redis://127.0.0.1:1", "--redis (or EDL_REDIS) needs --service"},
           {"--model " + test::SaveScript(kRows), "give them by --input and --output, or in a file beside it"},
           {"--model " + file + " --sidecar /no/such.json", "cannot read '/no/such.json'"},
           {"--model " + file + " --output score:INT64:-1,4", "described as score INT64 [-1, 4]"},
           {"--model " + file + " --output score:int64:-1,3", "expected one of BOOL"},
           {"--model " + file + " --device cuda:77", "device 'cuda:77': this libtorch finds"},
           {"--model " + file + " --host 192.0.2.1 --port 0", "cannot listen on 192.0.2.1:0"},
           {"--model " + file + " --instances 0", "instances is 0; expected 1 to 1024"},
           {"--model " + file + " --tls-cert /no/such.crt", "--tls-key is missing; TLS needs --tls-cert and --tls-key"},
           {"--model " + file + " --tls-cert /no/such.crt --tls-key k", "--tls-cert '/no/such.crt' cannot be read"},
           {"--model " + file + " --token-file " + file + ".json", "has in line 1 what is no token"},
           {"--model " + file + " --redis redis://:secret@10.0.0.1 --service s", "has a password for another machine"},
       }) {
    const auto [text, status] = RunTeacher(c.arguments);
    EXPECT_NE(status, 0) << c.arguments;
    EXPECT_THAT(text, HasSubstr(c.says)) << c.arguments;
    EXPECT_THAT(text, Not(HasSubstr("Exception raised from"))) << c.arguments;  // a C++ stack tells a user nothing
  }
}

}  // namespace
}  // namespace edl
