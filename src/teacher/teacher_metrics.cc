// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/teacher_metrics.h"

#include <functional>
#include <optional>
#include <utility>

#include "src/metrics/monitoring.h"

namespace edl {
namespace {

double Number(std::int64_t count) {
  return static_cast<double>(count);
}

// A check computes: whoever may ask must not keep the teacher from its work.
constexpr std::chrono::seconds kCheckAgain{1};

// `health` is the pages' own, beside that of the lease: each is asked by one thread.
std::function<absl::Status()> SometimesCheck(std::shared_ptr<HealthCheck> health, std::chrono::milliseconds patience) {
  return [health = std::move(health), patience, at = std::optional<TimePoint>(), last = absl::Status()]() mutable {
    const TimePoint now = std::chrono::steady_clock::now();
    if (at && now - *at < kCheckAgain) return last;
    at = now;
    last = health->Check(patience);
    return last;
  };
}

void AddServer(const TeacherServer& server, MetricPage& page) {
  const ModelInfo& model = server.model().info();
  page.Gauge("edl_teacher_info", "1; which model this is, served by which program.", 1,
             {{"edl_version", EDL_VERSION}, {"model", model.name}, {"version", model.version}});
  page.Gauge("edl_teacher_serving", "1 while it takes requests; 0 while it finishes what it has.",
             server.serving() ? 1 : 0);
  page.Gauge("edl_teacher_instances", "Requests, or joint runs, that it computes at a time.", server.instances());
}

void AddRequests(const ServerStats& stats, MetricPage& page) {
  auto requests = [&](std::int64_t count, const MetricPage::Labels& labels) {
    page.Counter("edl_teacher_requests_total",
                 "Requests that are over: answered; failed by the model; skipped, their student having gone; refused, "
                 "by reason.",
                 Number(count), labels);
  };
  requests(stats.answered, {{"outcome", "answered"}});
  requests(stats.failed, {{"outcome", "failed"}});
  requests(stats.skipped, {{"outcome", "skipped"}});
  requests(stats.overloaded, {{"outcome", "refused"}, {"reason", "overloaded"}});
  requests(stats.invalid, {{"outcome", "refused"}, {"reason", "invalid"}});
  requests(stats.stopping, {{"outcome", "refused"}, {"reason", "stopping"}});
  page.Gauge("edl_teacher_requests_in_flight", "Requests let in and not answered yet.", Number(stats.in_flight));
  page.Gauge("edl_teacher_requests_queued", "Of those: waiting for an instance.", Number(stats.queued));
}

void AddModel(const ModelStatistics::Values& values, MetricPage& page) {
  page.Counter("edl_teacher_rows_total", "Rows that were labelled.", Number(values.rows));
  page.Counter("edl_teacher_model_runs_total", "Runs of the model that went well, joint ones counted once.",
               Number(values.runs));
  page.Gauge("edl_teacher_last_inference_timestamp_seconds", "When the last request was computed; 0: none was.",
             ToSeconds(values.last_inference.time_since_epoch()));
  auto run = [&](const char* stage, const ModelStatistics::Duration& duration) {
    page.Counter("edl_teacher_busy_seconds_total", "What instances spent on runs of the model, by stage.",
                 ToSeconds(duration.time), {{"stage", stage}});
  };
  run("input", values.all_runs.input);
  run("infer", values.all_runs.infer);
  run("output", values.all_runs.output);
  page.Counter("edl_teacher_queue_seconds_total", "For how long answered requests waited for an instance, in sum.",
               ToSeconds(values.queue.time));
  std::vector<MetricPage::Bucket> buckets;
  for (const auto& [seconds, count] : values.latency.Cumulative()) buckets.push_back({seconds, count});
  page.Histogram("edl_teacher_request_duration_seconds", "Of answered requests, from arrival to answer.", buckets,
                 values.latency.count(), ToSeconds(values.success.time));
}

}  // namespace

MetricPage TeacherMetrics(const TeacherServer& server) {
  MetricPage page;
  AddServer(server, page);
  AddRequests(server.stats(), page);
  AddModel(server.statistics(), page);
  return page;
}

absl::StatusOr<std::unique_ptr<HttpServer>> StartTeacherPages(const std::string& host, int port,
                                                              std::chrono::milliseconds patience,
                                                              TeacherServer& server) {
  Monitored monitored;
  monitored.metrics = [&server] { return TeacherMetrics(server); };
  monitored.healthy = SometimesCheck(server.NewHealthCheck(), patience);
  monitored.ready = [&server] {
    return server.serving() ? absl::OkStatus() : absl::UnavailableError("it finishes what it has, and takes no more");
  };
  return StartMonitoring(host, port, std::move(monitored));
}

}  // namespace edl
