// SPDX-License-Identifier: Apache-2.0
// The installed edl::metrics serves a reader's numbers.
#include <iostream>
#include <string>

#include "edl/metrics.h"

int main() {
  auto server = edl::MetricsServer::Start({}, [] { return edl::ReaderStats(); });
  if (!server.ok() || (*server)->endpoint().rfind("127.0.0.1:", 0) != 0) {
    std::cerr << server.status() << "\n";
    return 1;
  }
  return edl::PrometheusText({}).find("edl_reader_rows_total 0\n") == std::string::npos ? 1 : 0;
}
