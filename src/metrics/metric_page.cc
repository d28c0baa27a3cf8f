// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/metric_page.h"

#include <algorithm>
#include <limits>
#include <sstream>

#include "prometheus/text_serializer.h"

namespace edl {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric& MetricPage::Add(MetricType type, const std::string& name, const std::string& help, const Labels& labels) {
  auto family = std::find_if(families_.begin(), families_.end(), [&](const auto& one) { return one.name == name; });
  if (family == families_.end()) {
    MetricFamily added;
    added.name = name;
    added.help = help;
    added.type = type;
    family = families_.insert(families_.end(), std::move(added));
  }
  ClientMetric& metric = family->metric.emplace_back();
  for (const auto& [label, value] : labels) metric.label.push_back({label, value});
  return metric;
}

void MetricPage::Counter(const std::string& name, const std::string& help, double value, const Labels& labels) {
  Add(MetricType::Counter, name, help, labels).counter.value = value;
}

void MetricPage::Gauge(const std::string& name, const std::string& help, double value, const Labels& labels) {
  Add(MetricType::Gauge, name, help, labels).gauge.value = value;
}

void MetricPage::Summary(const std::string& name, const std::string& help, std::int64_t count, double sum,
                         const Labels& labels) {
  auto& summary = Add(MetricType::Summary, name, help, labels).summary;
  summary.sample_count = static_cast<std::uint64_t>(count);
  summary.sample_sum = sum;
}

void MetricPage::Histogram(const std::string& name, const std::string& help, const std::vector<Bucket>& buckets,
                           std::int64_t count, double sum) {
  auto& histogram = Add(MetricType::Histogram, name, help, {}).histogram;
  histogram.sample_count = static_cast<std::uint64_t>(count);
  histogram.sample_sum = sum;
  for (const auto& [at_most, below] : buckets) {
    histogram.bucket.push_back({static_cast<std::uint64_t>(below), at_most});
  }
  histogram.bucket.push_back({histogram.sample_count, std::numeric_limits<double>::infinity()});
}

std::string MetricPage::Text() const {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families_);
  return text.str();
}

}  // namespace edl
