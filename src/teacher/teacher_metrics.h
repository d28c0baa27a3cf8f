// SPDX-License-Identifier: Apache-2.0
// Teacher metrics: what a server has done as metrics, edl_teacher_…; docs/metrics.md lists them. And its pages.
// Lifetime: the server outlives the pages.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/metrics/http_server.h"
#include "src/metrics/metric_page.h"
#include "src/teacher/server.h"

namespace edl {

MetricPage TeacherMetrics(const TeacherServer& server);

// /healthz says 503 when nothing was computed for `patience`, though it was asked for.
absl::StatusOr<std::unique_ptr<HttpServer>> StartTeacherPages(const std::string& host, int port,
                                                              std::chrono::milliseconds patience,
                                                              TeacherServer& server);

}  // namespace edl
