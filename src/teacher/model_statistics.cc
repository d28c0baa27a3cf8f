// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/model_statistics.h"

namespace edl {
namespace {

// So many requests, and the older half counts half.
constexpr std::int64_t kRecent = 1024;

}  // namespace

void ModelStatistics::Compute::Add(const ComputeTimes& one) {
  input.Add(one.input);
  infer.Add(one.infer);
  output.Add(one.output);
}

void ModelStatistics::CountRun(std::int64_t rows, const ComputeTimes& times) {
  MutexLock lock(mu_);
  ++values_.runs;
  values_.all_runs.Add(times);
  auto batch = values_.batches.find(rows);
  if (batch == values_.batches.end()) {
    if (values_.batches.size() == kMostBatchSizes) return;
    batch = values_.batches.emplace(rows, Compute{}).first;
  }
  batch->second.Add(times);
}

void ModelStatistics::CountSuccess(std::int64_t rows, const RequestTimes& times) {
  const std::chrono::nanoseconds latency = std::chrono::steady_clock::now() - times.arrived;
  MutexLock lock(mu_);
  values_.last_inference = std::chrono::system_clock::now();
  values_.rows += rows;
  values_.success.Add(latency);
  values_.queue.Add(times.queue);
  values_.compute.Add(times.compute);
  values_.latency.Add(latency);
  values_.recent_latency.Add(latency);
  if (values_.recent_latency.count() >= 2 * kRecent) values_.recent_latency.Halve();
}

void ModelStatistics::CountFailure(const RequestTimes& times) {
  const std::chrono::nanoseconds latency = std::chrono::steady_clock::now() - times.arrived;
  MutexLock lock(mu_);
  values_.last_inference = std::chrono::system_clock::now();
  values_.fail.Add(latency);
}

ModelStatistics::Values ModelStatistics::Get() const {
  MutexLock lock(mu_);
  return values_;
}

}  // namespace edl
