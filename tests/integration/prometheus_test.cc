// SPDX-License-Identifier: Apache-2.0
// A real Prometheus that scrapes a real edl-teacher and a trainer, with our alert rules and our dashboard's questions.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "edl/metrics.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "src/metrics/listening_socket.h"
#include "tests/support/http_get.h"
#include "tests/support/program.h"
#include "tests/support/rows.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/script_file.h"

namespace edl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// The model of tests/support/rows.h.
constexpr char kRows[] =
    "def forward(self, x: Tensor) -> Tensor:\n"
    "    id = x[:, 0]\n"
    "    salt = x[:, 1]\n"
    "    return torch.stack([id + salt, 3 * id - salt, torch.bitwise_xor(id, salt)], 1)\n";

// edl-teacher with its pages, and what it says of their addresses.
class Teacher {
 public:
  Teacher()
      : program_({EDL_TEACHER, "--model", test::SaveScript(kRows), "--input", "x:INT64:-1,2", "--output",
                  "score:INT64:-1,3", "--host", "127.0.0.1", "--port", "0", "--http-port", "0", "--log-level", "err"}) {
    EXPECT_TRUE(program_.ReadUntil("/metrics\n")) << program_.output();
  }

  std::string endpoint() const { return After(" at ", "\n"); }
  std::string pages() const { return After("metrics at http://", "/metrics\n"); }
  test::Program& program() { return program_; }

 private:
  std::string After(const std::string& begin, const std::string& end) const {
    const std::string& text = program_.output();
    const std::size_t from = text.find(begin) + begin.size();
    return text.substr(from, text.find(end, from) - from);
  }

  test::Program program_;
};

class Prometheus {
 public:
  Prometheus(const std::string& teacher, const std::string& trainer) {
    folder_.Write("prometheus.yml",
                  absl::StrCat("global: {scrape_interval: 100ms}\nrule_files: [", EDL_DOCS,
                               "/monitoring/alerts.yml]\nscrape_configs:\n",
                               "  - {job_name: edl-teacher, static_configs: [{targets: ['", teacher,
                               "']}]}\n  - {job_name: edl-trainer, static_configs: [{targets: ['", trainer, "']}]}\n"));
    // A port that was free a moment ago may have been taken since.
    for (bool serves = false; !serves;) {
      endpoint_ = ListeningSocket::Open("127.0.0.1", 0)->endpoint();
      const std::string folder = folder_.path().string();
      program_ = std::make_unique<test::Program>(std::vector<std::string>{
          "/bin/sh", "-c",
          absl::StrCat("exec prometheus --config.file=", folder, "/prometheus.yml --storage.tsdb.path=", folder,
                       "/data --web.listen-address=", endpoint_)});
      serves = program_->ReadUntil("Server is ready to receive web requests");
      if (!serves && program_->output().find("address already in use") == std::string::npos) {
        throw std::runtime_error(program_->output());
      }
    }
  }

  json Get(const std::string& path) const { return json::parse(test::HttpGet(endpoint_, "/api/v1/" + path).body); }

  json Query(const std::string& expression) const {
    std::string encoded;
    for (const unsigned char c : expression) absl::StrAppend(&encoded, "%", absl::Hex(c, absl::kZeroPad2));
    return Get("query?query=" + encoded);
  }

  // Asks until the expression has one value, and that one.
  void Await(const std::string& expression, const std::string& value) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    json answer;
    while (std::chrono::steady_clock::now() < deadline) {
      answer = Query(expression);
      const json& result = answer["data"]["result"];
      if (result.size() == 1 && result[0]["value"][1] == value) return;
    }
    ADD_FAILURE() << expression << " is not " << value << " but " << answer.dump(2);
  }

 private:
  test::ScratchFolder folder_;
  std::string endpoint_;
  std::unique_ptr<test::Program> program_;
};

json ReadJson(const std::string& file) {
  std::ifstream stream(file);
  return json::parse(stream);
}

TEST(Prometheus, ScrapesATeacherAndATrainer) {
  Teacher teacher;
  ReaderOptions options = test::RowOptions();
  options.num_epochs = 1;
  auto reader = test::NewReader(test::BatchesOf(10, 8), FixedTeachers({teacher.endpoint()}), options);
  auto metrics = MetricsServer::Start({}, *reader).value();
  Prometheus prometheus(teacher.pages(), metrics->endpoint());
  test::ExpectEpoch(*reader, 0, 10, 8);
  prometheus.Await("edl_reader_rows_total{job=\"edl-trainer\"}", "80");
  prometheus.Await("edl_teacher_rows_total{job=\"edl-teacher\"}", "80");
  prometheus.Await("edl_teacher_requests_total{outcome=\"answered\"}", "20");
  prometheus.Await("histogram_quantile(1, edl_teacher_request_duration_seconds_bucket) < bool 60", "1");
  prometheus.Await("sum(up)", "2");

  EXPECT_EQ(prometheus.Get("targets")["data"]["activeTargets"].size(), 2u);
  const json rules = prometheus.Get("rules");
  ASSERT_EQ(rules["data"]["groups"].size(), 2u) << rules.dump(2);
  for (const json& group : rules["data"]["groups"]) {
    for (const json& rule : group["rules"]) EXPECT_NE(rule["health"], "err") << rule.dump(2);
  }
  int asked = 0;
  const json dashboard = ReadJson(EDL_DOCS "/monitoring/grafana-dashboard.json");
  for (const json& panel : dashboard["panels"]) {
    for (const json& target : panel.value("targets", json::array())) {
      const std::string expression =
          absl::StrReplaceAll(target["expr"].get<std::string>(),
                              {{"$__rate_interval", "1m"}, {"$trainer", "edl-trainer"}, {"$teacher", "edl-teacher"}});
      EXPECT_EQ(prometheus.Query(expression)["status"], "success") << expression;
      ++asked;
    }
  }
  EXPECT_GT(asked, 10);

  EXPECT_EQ(test::HttpGet(teacher.pages(), "/readyz").status, 200);
  teacher.program().Signal(SIGTERM);
  EXPECT_EQ(teacher.program().Wait(), 0);
  prometheus.Await("up{job=\"edl-teacher\"}", "0");
}

// Whoever keeps a teacher to this machine has not asked for pages that all the world may read.
TEST(EdlTeacher, HasItsPagesWhereItListens) {
  const std::string file = test::SaveScript(kRows);
  const test::ScratchFolder folder;
  const std::string path = "unix:" + (folder.path() / "teacher.sock").string();
  for (const auto& [listen, host] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{path}, "127.0.0.1"}, {{path, "127.0.0.2:0", "127.0.0.1:0"}, "127.0.0.2"}}) {
    std::vector<std::string> arguments = {EDL_TEACHER, "--model",          file,          "--input", "x:INT64:-1,2",
                                          "--output",  "score:INT64:-1,3", "--http-port", "0",       "--no-self-check"};
    for (const std::string& address : listen) arguments.insert(arguments.end(), {"--listen", address});
    test::Program program(arguments);
    EXPECT_TRUE(program.ReadUntil("/metrics\n")) << program.output();
    EXPECT_THAT(program.output(), HasSubstr("metrics at http://" + host + ":"));
  }
}

TEST(EdlTeacher, SaysWhyItHasNoPages) {
  Teacher teacher;
  const std::string taken = teacher.pages().substr(teacher.pages().rfind(':') + 1);
  const std::string file = test::SaveScript(kRows);
  for (const auto& [port, says] : std::vector<std::pair<std::string, std::string>>{
           {taken, "edl-teacher: cannot serve HTTP on 127.0.0.1:" + taken + ": Address already in use"},
           {"70000", "--http-port: Value 70000 not in range"}}) {
    test::Program second({EDL_TEACHER, "--model", file, "--input", "x:INT64:-1,2", "--output", "score:INT64:-1,3",
                          "--host", "127.0.0.1", "--port", "0", "--http-port", port});
    EXPECT_NE(second.Wait(), 0);
    EXPECT_THAT(second.output(), HasSubstr(says));
  }
}

}  // namespace
}  // namespace edl
