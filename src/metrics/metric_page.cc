// SPDX-License-Identifier: Apache-2.0
#include "src/metrics/metric_page.h"

#include <algorithm>
#include <limits>
#include <sstream>

#include "prometheus/text_serializer.h"

namespace edl {
namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";  // U+FFFD

bool Continues(unsigned char byte) {
  return byte >= 0x80 && byte <= 0xbf;
}

// How many bytes of `text` from `at` on are one character; 0: they are none (RFC 3629, section 4).
std::size_t CharacterAt(const std::string& text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(at + i < text.size() ? text[at + i] : 0); };
  const unsigned char first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !Continues(second)) return 0;
  if (first < 0xe0) return 2;
  // What could be said in fewer bytes, surrogates, and what is beyond Unicode.
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || !Continues(byte(2))) return 0;
  if (first < 0xf0) return 3;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) || !Continues(byte(3))) return 0;
  return 4;
}

// Prometheus takes nothing of a page that has one label with other bytes.
std::string ValidUtf8(const std::string& text) {
  std::string valid;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = CharacterAt(text, at);
    valid += size == 0 ? kReplacement : text.substr(at, size);
    at += std::max<std::size_t>(size, 1);
  }
  return valid;
}

}  // namespace

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
  for (const auto& [label, value] : labels) metric.label.push_back({label, ValidUtf8(value)});
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
