// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/reader_metrics.h"

#include <map>

#include "edl/metrics.h"

namespace edl {
namespace {

double Number(std::int64_t count) {
  return static_cast<double>(count);
}

void AddFlow(const ReaderStats& stats, MetricPage& page) {
  page.Counter("edl_reader_source_batches_total", "Batches that the source gave.", Number(stats.source.in));
  page.Counter("edl_reader_requests_total", "Teacher requests made of them.", Number(stats.dispatch.in));
  page.Counter("edl_reader_requests_completed_total", "Teacher requests that are over.", Number(stats.dispatch.out));
  page.Gauge("edl_reader_requests_pending", "Teacher requests that wait or are in flight.",
             Number(stats.dispatch.depth));
  page.Counter("edl_reader_batches_completed_total", "Batches that have all their soft labels.", Number(stats.ring.in));
  page.Counter("edl_reader_batches_total", "Batches that the student has taken, or that were dropped.",
               Number(stats.ring.out));
  page.Gauge("edl_reader_batches_ready", "Batches that are complete and not taken.", Number(stats.ring.depth));
  page.Counter("edl_reader_batches_dropped_total", "Batches of epochs that were left early.", Number(stats.dropped));
  page.Counter("edl_reader_rows_total", "Rows that the student has taken.", Number(stats.rows));
  page.Counter("edl_reader_retries_total", "Attempts beyond a request's first.", Number(stats.retried));
  page.Counter("edl_reader_hedges_total", "Requests sent a second time because they were slow.", Number(stats.hedged));
  page.Counter("edl_reader_hedges_won_total", "Of those: the second was answered first.", Number(stats.hedges_won));
}

void AddTimes(const ReaderStats& stats, MetricPage& page) {
  auto student = [&](const char* state, std::chrono::nanoseconds time) {
    page.Counter("edl_reader_student_seconds_total", "Where the student's time went; the states add up to all of it.",
                 ToSeconds(time), {{"state", state}});
  };
  student("busy", stats.student.busy);
  // In one: how the two are parted is an estimate that may go down, which a counter must not.
  student("waiting_for_replies", stats.student.waited_for_teachers + stats.student.waited_for_network);
  student("waiting_for_one_request", stats.student.waited_for_head_of_line);
  student("waiting_for_source", stats.student.waited_for_source);
  page.Counter("edl_reader_teachers_waiting_seconds_total",
               "For how long a ready teacher had nothing to do while the source worked.",
               ToSeconds(stats.teachers_waited_for_source));
  page.Counter("edl_reader_source_waiting_seconds_total", "For how long the source was held back: all was full.",
               ToSeconds(stats.source_waited_for_student));
}

void AddStates(const ReaderStats& stats, MetricPage& page) {
  std::map<std::string, int> count = {{"connecting", 0}, {"ready", 0}, {"resting", 0}, {"ejected", 0}, {"refused", 0}};
  for (const LaneStats& lane : stats.lanes) {
    const auto state = count.find(lane.state);
    if (state != count.end()) ++state->second;  // one that is closed is no teacher of ours any more
  }
  for (const auto& [state, lanes] : count) {
    page.Gauge("edl_reader_teachers", "Teachers of this reader, by state.", lanes, {{"state", state}});
  }
}

// A teacher that went and came back may have two lanes for a while; Prometheus takes one sample of a name.
std::map<std::string, LaneStats> ByEndpoint(const std::vector<LaneStats>& lanes) {
  std::map<std::string, LaneStats> teachers;
  for (const LaneStats& lane : lanes) {
    const auto [found, first] = teachers.emplace(lane.endpoint, lane);
    if (!first && found->second.state == "closed") found->second = lane;
  }
  return teachers;
}

void AddTeacher(const LaneStats& lane, MetricPage& page) {
  const MetricPage::Labels teacher = {{"teacher", lane.endpoint}};
  auto count = [&](const char* name, const char* help, std::int64_t value) {
    page.Counter(name, help, Number(value), teacher);
  };
  page.Gauge("edl_reader_teacher_ready", "1 while it is in rotation.", lane.state == "ready" ? 1 : 0, teacher);
  page.Gauge("edl_reader_teacher_requests_in_flight", "Requests sent and not answered.", Number(lane.in_flight),
             teacher);
  page.Gauge("edl_reader_teacher_window", "Requests in flight, at most, at present.", Number(lane.window), teacher);
  count("edl_reader_teacher_attempts_total", "Requests sent to it.", lane.attempts);
  count("edl_reader_teacher_failures_total", "Of those: failed.", lane.failed);
  count("edl_reader_teacher_bad_replies_total", "Of those: its answer made no sense.", lane.bad_replies);
  count("edl_reader_teacher_ejections_total", "How often it was taken out of rotation.", lane.ejections);
  count("edl_reader_teacher_rows_total", "Rows that it labelled.", lane.rows);
  page.Counter("edl_reader_teacher_busy_seconds_total", "For how long it had a request in flight.",
               ToSeconds(lane.busy), teacher);
  page.Summary("edl_reader_teacher_latency_seconds", "Of completed requests, sent to answered.", lane.completed,
               ToSeconds(lane.latency), teacher);
  if (lane.timed == 0) return;
  auto part = [&](const char* name, std::chrono::nanoseconds time) {
    page.Summary("edl_reader_teacher_latency_part_seconds", "Where that went, if the teacher tells.", lane.timed,
                 ToSeconds(time), {{"part", name}, {"teacher", lane.endpoint}});
  };
  part("queue", lane.teacher_queue);
  part("compute", lane.teacher_compute);
  part("network", lane.network);
}

}  // namespace

MetricPage ReaderMetrics(const ReaderStats& stats) {
  MetricPage page;
  AddFlow(stats, page);
  AddTimes(stats, page);
  AddStates(stats, page);
  for (const auto& [endpoint, lane] : ByEndpoint(stats.lanes)) AddTeacher(lane, page);
  return page;
}

std::string PrometheusText(const ReaderStats& stats) {
  return ReaderMetrics(stats).Text();
}

}  // namespace edl
