// SPDX-License-Identifier: Apache-2.0
// A reader's numbers over HTTP, as Prometheus reads them.
#include "edl/metrics.h"

#include <atomic>

#include "gmock/gmock.h"
#include "tests/support/http_get.h"
#include "tests/support/promtool.h"
#include "tests/support/rows.h"

namespace edl {
namespace {

using test::HttpGet;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsServer, TellsWhatAReaderHasDone) {
  auto teacher = test::StartTeacher();
  ReaderOptions options = test::RowOptions();
  options.num_epochs = 1;
  auto reader = test::NewReader(test::BatchesOf(10, 10), FixedTeachers({teacher->endpoint()}), options);
  auto server = MetricsServer::Start({}, *reader).value();
  test::ExpectEpoch(*reader, 0, 10, 10);
  const std::string page = HttpGet(server->endpoint(), "/metrics").body;
  const std::string label = "{teacher=\"" + teacher->endpoint() + "\"} ";
  for (const std::string& line :
       {std::string("# TYPE edl_reader_rows_total counter"), std::string("edl_reader_rows_total 100"),
        std::string("edl_reader_source_batches_total 10"), std::string("edl_reader_requests_completed_total 30"),
        std::string("edl_reader_requests_pending 0"), std::string("edl_reader_teachers{state=\"ready\"} 1"),
        "edl_reader_teacher_ready" + label + "1", "edl_reader_teacher_attempts_total" + label + "30",
        "edl_reader_teacher_latency_seconds_count" + label + "30",
        "edl_reader_teacher_latency_part_seconds_count{part=\"compute\",teacher=\"" + teacher->endpoint() + "\"} 30"}) {
    EXPECT_THAT(page, HasSubstr(line + "\n"));
  }
  EXPECT_EQ(test::CheckMetrics(page), "");
}

TEST(MetricsServer, IsReadyWhileATeacherIs) {
  std::atomic<const char*> state{"ejected"};
  auto server = MetricsServer::Start({}, [&state] {
                  ReaderStats stats;
                  stats.lanes.resize(1);
                  stats.lanes[0].endpoint = "a:1";
                  stats.lanes[0].state = state;
                  return stats;
                }).value();
  EXPECT_EQ(HttpGet(server->endpoint(), "/healthz").status, 200);
  const test::HttpAnswer not_ready = HttpGet(server->endpoint(), "/readyz");
  EXPECT_EQ(not_ready.status, 503);
  EXPECT_EQ(not_ready.body, "no teacher is ready; a:1: ejected\n");
  state = "ready";
  EXPECT_EQ(HttpGet(server->endpoint(), "/readyz").status, 200);
}

TEST(MetricsServer, TellsOfOneTeacherOnceThoughItCameBack) {
  ReaderStats stats;
  stats.lanes.resize(2);
  for (LaneStats& lane : stats.lanes) lane.endpoint = "a\"\\:1";
  stats.lanes[0].state = "closed";
  stats.lanes[0].rows = 7;
  stats.lanes[1].state = "ready";
  stats.lanes[1].rows = 8;
  const std::string page = PrometheusText(stats);
  EXPECT_THAT(page, HasSubstr("edl_reader_teacher_rows_total{teacher=\"a\\\"\\\\:1\"} 8\n"));
  EXPECT_THAT(page, Not(HasSubstr("} 7\n")));
  EXPECT_THAT(page, Not(HasSubstr("part="))) << "a teacher that does not tell";
  EXPECT_EQ(test::CheckMetrics(page), "");
}

// Prometheus would take nothing of the page.
TEST(MetricsServer, SaysNothingThatIsNoUtf8) {
  auto page_of = [](const std::string& endpoint) {
    ReaderStats stats;
    stats.lanes.resize(1);
    stats.lanes[0].endpoint = endpoint;
    return PrometheusText(stats);
  };
  const std::string lost = "\xef\xbf\xbd";
  // A lone byte, one too many, too long a form, half a surrogate pair, beyond Unicode, and an end in mid-character.
  for (const auto& [endpoint, shown] : std::vector<std::pair<std::string, std::string>>{
           {"\xff:1", lost + ":1"},
           {"\xe6\xa8\xa1\x80:1", "\xe6\xa8\xa1" + lost + ":1"},
           {"\xc0\xaf:1", lost + lost + ":1"},
           {"\xe0\x80\xaf:1", lost + lost + lost + ":1"},
           {"\xed\xa0\x80:1", lost + lost + lost + ":1"},
           {"\xf4\x90\x80\x80:1", lost + lost + lost + lost + ":1"},
           {"\xf0\x9f\x98\x80\xf0\x9f", "\xf0\x9f\x98\x80" + lost + lost}}) {
    const std::string page = page_of(endpoint);
    EXPECT_THAT(page, HasSubstr("{teacher=\"" + shown + "\"} "));
    EXPECT_EQ(test::CheckMetrics(page), "");
  }
}

TEST(MetricsServer, SaysWhyItCannotServe) {
  auto server = MetricsServer::Start({}, [] { return ReaderStats(); }).value();
  MetricsServerOptions taken;
  taken.port = std::stoi(server->endpoint().substr(server->endpoint().rfind(':') + 1));
  const auto second = MetricsServer::Start(taken, [] { return ReaderStats(); });
  EXPECT_THAT(second.status().ToString(), HasSubstr(server->endpoint() + ": Address already in use"));
}

}  // namespace
}  // namespace edl
