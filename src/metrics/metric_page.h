// SPDX-License-Identifier: Apache-2.0
// MetricPage: metrics of one moment, in Prometheus' text format.
// Place: what a program counts anyway is put here when it is asked for.
// Units: those of Prometheus' conventions: seconds, bytes, totals of counters; their names end so.
// Rules: a label's value may be any bytes; what is no UTF-8 becomes U+FFFD.
// Thread-safety: one thread at a time.
// Source: Prometheus' exposition format 0.0.4, written by prometheus-cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"

namespace edl {

class MetricPage {
 public:
  static constexpr char kContentType[] = "text/plain; version=0.0.4; charset=utf-8";

  using Labels = std::vector<std::pair<std::string, std::string>>;

  struct Bucket {
    double at_most = 0;
    std::int64_t count = 0;  // of this and the ones below
  };

  // A name may come again, with other labels: it is one metric then, with the first one's help.
  void Counter(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  void Gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  void Summary(const std::string& name, const std::string& help, std::int64_t count, double sum,
               const Labels& labels = {});
  // `count`: with what is above all buckets.
  void Histogram(const std::string& name, const std::string& help, const std::vector<Bucket>& buckets,
                 std::int64_t count, double sum);

  std::string Text() const;

 private:
  prometheus::ClientMetric& Add(prometheus::MetricType type, const std::string& name, const std::string& help,
                                const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
};

inline double ToSeconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace edl
