// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edl/distill_reader.h"
#include "edl/metrics.h"
#include "src/base/status.h"
#include "src/metrics/monitoring.h"
#include "src/metrics/reader_metrics.h"

namespace edl {
namespace {

class MetricsServerImpl final : public MetricsServer {
 public:
  explicit MetricsServerImpl(std::unique_ptr<HttpServer> server) : server_(std::move(server)) {}

  const std::string& endpoint() const override { return server_->endpoint(); }

 private:
  const std::unique_ptr<HttpServer> server_;
};

absl::Status Ready(const ReaderStats& stats) {
  const auto& lanes = stats.lanes;
  if (std::any_of(lanes.begin(), lanes.end(), [](const LaneStats& lane) { return lane.state == "ready"; })) {
    return absl::OkStatus();
  }
  std::string text = "no teacher is ready";
  for (const LaneStats& lane : lanes) absl::StrAppend(&text, "; ", lane.endpoint, ": ", lane.state);
  return absl::UnavailableError(text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const MetricsServerOptions& options,
                                                                    std::function<ReaderStats()> stats) {
  Monitored monitored;
  monitored.metrics = [stats] { return ReaderMetrics(stats()); };
  monitored.healthy = [] { return absl::OkStatus(); };
  monitored.ready = [stats] { return Ready(stats()); };
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<HttpServer> server,
                       StartMonitoring(options.host, options.port, std::move(monitored)));
  return std::unique_ptr<MetricsServer>(std::make_unique<MetricsServerImpl>(std::move(server)));
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const MetricsServerOptions& options,
                                                                    const DistillReader& reader) {
  return Start(options, [&reader] { return reader.Stats(); });
}

}  // namespace edl
