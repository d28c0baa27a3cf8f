// SPDX-License-Identifier: Apache-2.0
// A teacher's numbers over HTTP; and that the documents speak of metrics that there are.
#include "src/teacher/teacher_metrics.h"

#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "edl/metrics.h"
#include "gmock/gmock.h"
#include "re2/re2.h"  // std::regex draws warnings of GCC 12 with sanitizers
#include "tests/support/event.h"
#include "tests/support/function_model.h"
#include "tests/support/http_get.h"
#include "tests/support/promtool.h"
#include "tests/support/wire_client.h"

namespace edl {
namespace {

using std::chrono::milliseconds;
using test::HttpGet;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<TeacherServer> StartServer(FunctionModel::Function function, TeacherServerOptions options = {}) {
  ModelInfo info{"echo", "7", "test", {{"x", DType::kFp32, {-1}}}, {{"y", DType::kFp32, {-1}}}};
  return TeacherServer::Start(options, std::make_unique<FunctionModel>(std::move(info), std::move(function))).value();
}

absl::StatusOr<std::vector<Tensor>> Echo(const std::vector<Tensor>& inputs) {
  return inputs;
}

bool Ask(const TeacherServer& server, std::vector<float> x) {
  inference::ModelInferRequest request;
  AddRaw(request, "x", "FP32", {static_cast<std::int64_t>(x.size())}, x);
  WireClient client(server.endpoint());
  return client.Connect() && client.Infer(request).ok();
}

TEST(TeacherMetrics, TellWhatATeacherHasDone) {
  auto server = StartServer(Echo);
  auto pages = StartTeacherPages("127.0.0.1", 0, milliseconds(100), *server).value();
  EXPECT_TRUE(Ask(*server, {1, 2, 3}));
  EXPECT_TRUE(Ask(*server, {4, 5}));
  EXPECT_FALSE(Ask(*server, {}));
  const test::HttpAnswer answer = HttpGet(pages->endpoint(), "/metrics");
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  for (const char* line :
       {"# TYPE edl_teacher_requests_total counter", "edl_teacher_requests_total{outcome=\"answered\"} 2",
        "edl_teacher_requests_total{outcome=\"refused\",reason=\"invalid\"} 1", "edl_teacher_rows_total 5",
        "edl_teacher_model_runs_total 2", "edl_teacher_requests_queued 0", "edl_teacher_serving 1",
        "edl_teacher_instances 1", "# TYPE edl_teacher_request_duration_seconds histogram",
        "edl_teacher_request_duration_seconds_count 2", "edl_teacher_request_duration_seconds_bucket{le=\"65.536\"} 2",
        "edl_teacher_request_duration_seconds_bucket{le=\"+Inf\"} 2", "model=\"echo\",version=\"7\"} 1"}) {
    EXPECT_THAT(answer.body, HasSubstr(std::string(line) + "\n"));
  }
  EXPECT_EQ(test::CheckMetrics(answer.body), "");
}

// Only the first is mended by more teachers.
TEST(TeacherMetrics, TellWhyRequestsWereRefused) {
  TeacherServerOptions options;
  options.instances = 1;
  options.max_queued = 0;
  Event inside, go;
  auto hang = [&](const std::vector<Tensor>& inputs) {
    inside.Set();
    go.Wait();
    return Echo(inputs);
  };
  auto server = StartServer(hang, options);
  std::thread caller([&] { EXPECT_TRUE(Ask(*server, {1})); });
  inside.Wait();
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(Ask(*server, {1}));
  std::thread drain([&] { EXPECT_TRUE(server->Drain(std::chrono::seconds(60)).ok()); });
  while (server->serving()) std::this_thread::yield();
  EXPECT_FALSE(Ask(*server, {1}));
  const std::string page = TeacherMetrics(*server).Text();
  go.Set();
  caller.join();
  drain.join();
  for (const char* line : {"reason=\"overloaded\"} 2", "reason=\"invalid\"} 0", "reason=\"stopping\"} 1"}) {
    EXPECT_THAT(page, HasSubstr("edl_teacher_requests_total{outcome=\"refused\"," + std::string(line) + "\n"));
  }
}

TEST(TeacherMetrics, AreReadyUntilTheServerDrains) {
  auto server = StartServer(Echo);
  auto pages = StartTeacherPages("127.0.0.1", 0, milliseconds(100), *server).value();
  EXPECT_EQ(HttpGet(pages->endpoint(), "/readyz").status, 200);
  EXPECT_EQ(HttpGet(pages->endpoint(), "/healthz").status, 200);
  EXPECT_TRUE(server->Drain(std::chrono::seconds(60)).ok());
  EXPECT_EQ(HttpGet(pages->endpoint(), "/readyz").status, 503);
  EXPECT_THAT(HttpGet(pages->endpoint(), "/metrics").body, HasSubstr("edl_teacher_serving 0\n"));
}

TEST(TeacherMetrics, AreNotHealthyWhenTheModelHangs) {
  Event inside, go;
  auto server = StartServer([&](const std::vector<Tensor>& inputs) {
    inside.Set();
    go.Wait();
    return Echo(inputs);
  });
  auto pages = StartTeacherPages("127.0.0.1", 0, milliseconds(100), *server).value();
  std::thread caller([&] { EXPECT_TRUE(Ask(*server, {1})); });
  inside.Wait();
  test::HttpAnswer health;
  while ((health = HttpGet(pages->endpoint(), "/healthz")).status == 200) std::this_thread::yield();
  EXPECT_EQ(health.status, 503);
  EXPECT_THAT(health.body, HasSubstr("no instance has finished anything"));
  go.Set();
  caller.join();
  while (HttpGet(pages->endpoint(), "/healthz").status != 200) std::this_thread::yield();
}

std::string Contents(const std::string& file) {
  std::ifstream stream(std::string(EDL_DOCS "/") + file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::set<std::string> Matches(const std::string& text, const std::string& pattern) {
  const re2::RE2 regex(pattern);
  std::set<std::string> found;
  std::string match;
  for (re2::StringPiece rest(text); re2::RE2::FindAndConsume(&rest, regex, &match);) found.insert(match);
  return found;
}

// Of all that there is: a teacher that tells its times, too.
std::set<std::string> AllMetrics() {
  auto server = StartServer(Echo);
  ReaderStats stats;
  stats.lanes.resize(1);
  stats.lanes[0].timed = 1;
  return Matches(TeacherMetrics(*server).Text() + PrometheusText(stats), "# TYPE (\\w+) ");
}

TEST(Documents, HaveATableOfAllMetrics) {
  std::set<std::string> documented = Matches(Contents("metrics.md"), "\\n\\| `(edl_\\w+)`");
  EXPECT_EQ(documented, AllMetrics());
}

TEST(Documents, AskForMetricsThatThereAre) {
  const std::set<std::string> metrics = AllMetrics();
  for (const char* file : {"metrics.md", "monitoring/alerts.yml", "monitoring/grafana-dashboard.json"}) {
    std::set<std::string> asked = Matches(Contents(file), "\\b(edl_(?:reader|teacher)_\\w+)");
    ASSERT_GT(asked.size(), 3u) << file;
    std::set<std::string> unknown;
    for (const std::string& name : asked) {
      std::string base = name;
      re2::RE2::Replace(&base, "_(bucket|sum|count)$", "");
      if (metrics.count(name) + metrics.count(base) == 0) unknown.insert(name);
    }
    EXPECT_THAT(unknown, IsEmpty()) << file;
  }
}

TEST(Documents, HaveAlertRulesThatFireWhenTheyShould) {
  EXPECT_EQ(test::CheckRules(EDL_DOCS "/monitoring/alerts.yml"), "");
  EXPECT_EQ(test::TestRules(EDL_DOCS "/../tests/metrics/alerts_test.yml"), "");
}

}  // namespace
}  // namespace edl
