// SPDX-License-Identifier: Apache-2.0
// MetricsServer: tells Prometheus over HTTP how a reader does, while the trainer trains. Library edl::metrics.
// Pages: /metrics (Prometheus' text format; docs/metrics.md lists them), /healthz (200 while this process answers),
//        /readyz (200 while a teacher is ready, else 503 and why not).
// Errors: INVALID_ARGUMENT - the port is none; UNAVAILABLE - the address cannot be had; both name it.
// Thread-safety: any thread. `stats` is called on the server's one thread.
// Lifetime, cost: the reader, or what `stats` uses, outlives the server. Costs nothing between requests; at most 32
//                 connections, and 16 KiB each for a request.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "edl/stats.h"

namespace edl {

class DistillReader;

struct MetricsServerOptions {
  std::string host = "127.0.0.1";  // this machine only; "0.0.0.0": whoever reaches it, and there is no password
  int port = 0;                    // 0: a free one
};

class MetricsServer {
 public:
  // Serves when it returns.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const MetricsServerOptions& options,
                                                              const DistillReader& reader);
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const MetricsServerOptions& options,
                                                              std::function<ReaderStats()> stats);

  virtual ~MetricsServer() = default;

  // "127.0.0.1:43210"
  virtual const std::string& endpoint() const = 0;
};

// The body of /metrics, for who has an HTTP server already.
std::string PrometheusText(const ReaderStats& stats);

}  // namespace edl
