// SPDX-License-Identifier: Apache-2.0
// Monitoring: /metrics, /healthz and /readyz of one program, as Prometheus and Kubernetes ask for them.
// Errors, lifetime: those of HttpServer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/metrics/http_server.h"
#include "src/metrics/metric_page.h"

namespace edl {

// Each is called when its page is asked for, on the server's thread, and takes a second at most.
struct Monitored {
  std::function<MetricPage()> metrics;
  std::function<absl::Status()> healthy;  // else it is to be started anew
  std::function<absl::Status()> ready;    // else it is to be left alone for now
};

absl::StatusOr<std::unique_ptr<HttpServer>> StartMonitoring(const std::string& host, int port, Monitored monitored);

}  // namespace edl
