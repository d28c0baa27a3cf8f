// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/monitoring.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace edl {
namespace {

HttpReply Probe(const absl::Status& status) {
  if (status.ok()) return {200, "ok\n"};
  return {503, absl::StrCat(std::string(status.message()), "\n")};
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> StartMonitoring(const std::string& host, int port, Monitored monitored) {
  HttpServer::Pages pages;
  pages["/metrics"] = [metrics = std::move(monitored.metrics)] {
    return HttpReply{200, metrics().Text(), MetricPage::kContentType};
  };
  pages["/healthz"] = [healthy = std::move(monitored.healthy)] { return Probe(healthy()); };
  pages["/readyz"] = [ready = std::move(monitored.ready)] { return Probe(ready()); };
  return HttpServer::Start(host, port, std::move(pages));
}

}  // namespace edl
