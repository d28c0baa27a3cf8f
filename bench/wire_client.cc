// SPDX-License-Identifier: Apache-2.0
#include "bench/wire_client.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>

#include "bench/naive.h"
#include "bench/process_usage.h"
#include "bench/raw_socket.h"
#include "edl/distill_reader.h"
#include "src/base/mutex.h"

namespace edl::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Calls that wait for their answers, on a thread for each of them.
class CallingClient final : public WireClient {
 public:
  using Call = std::function<void(const Tensor&)>;

  CallingClient(std::vector<Tensor> batches, std::vector<Call> calls) : batches_(std::move(batches)) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      threads_.emplace_back([this, i, call = std::move(calls[i])] { Work(i, call); });
    }
  }
  ~CallingClient() override {
    {
      MutexLock lock(mu_);
      stopped_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
  }

  void Step() override {
    MutexLock lock(mu_);
    while (back_ == 0) changed_.Wait(mu_);
    --back_;
  }

 private:
  void Work(std::size_t first, const Call& call) {
    for (std::size_t i = first;; ++i) {
      call(batches_[i % batches_.size()]);
      MutexLock lock(mu_);
      if (stopped_) return;
      ++back_;
      changed_.NotifyOne();
    }
  }

  const std::vector<Tensor> batches_;
  Mutex mu_;
  CondVar changed_;
  std::int64_t back_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;  // last
};

// The whole reader: what a trainer has.
class ReaderClient final : public WireClient {
 public:
  ReaderClient(std::vector<Tensor> batches, const std::vector<std::string>& endpoints, ReaderOptions options)
      : trace_file_(options.trace_file) {
    options.fields = {"image"};
    options.predictions = {"score"};
    options.teacher_batch_rows = Payload::kRows;
    auto reader = DistillReader::Create(FromBatches([batches = std::move(batches)](std::int64_t) {
                                          return [batches, i = std::size_t{0}]() mutable {
                                            return std::optional<Fields>({batches[i++ % batches.size()]});
                                          };
                                        }),
                                        FixedTeachers(endpoints), std::move(options));
    if (!reader.ok()) {
      std::fprintf(stderr, "%s\n", reader.status().ToString().c_str());
      std::abort();
    }
    reader_ = *std::move(reader);
  }
  ~ReaderClient() override {
    reader_.reset();
    if (!trace_file_.empty()) std::remove(trace_file_.c_str());
  }

  void Step() override {
    auto batch = reader_->Next();
    if (batch.ok() && *batch && (*batch)->predictions.size() == 1) return;
    std::fprintf(stderr, "reader: %s\n", batch.status().ToString().c_str());
    std::abort();
  }

 private:
  const std::string trace_file_;
  std::unique_ptr<DistillReader> reader_;
};

// The batches as a loader would have them that writes into an arena.
std::vector<Tensor> InArena(const std::vector<Tensor>& batches, ReaderOptions& options) {
  options.arena = SharedArena::Create(batches.size() * (batches[0].byte_size() + 4096)).value();
  std::vector<Tensor> there;
  for (const Tensor& batch : batches) {
    std::shared_ptr<void> memory = options.arena->Allocate(batch.byte_size());
    std::memcpy(memory.get(), batch.data(), batch.byte_size());
    there.push_back(Tensor::Wrap(batch.dtype(), batch.shape(), memory.get(), batch.byte_size(), memory).value());
  }
  return there;
}

ProcessUsage UsageOf(const std::vector<int>& processes) {
  ProcessUsage sum;
  for (int pid : processes) {
    const ProcessUsage one = ProcessUsage::Of(pid);
    sum.cpu_s += one.cpu_s;
    sum.minor_faults += one.minor_faults;
    sum.switches += one.switches;
  }
  return sum;
}

}  // namespace

std::unique_ptr<WireClient> MakeWireClient(const std::string& kind, const Payload& payload,
                                           const std::vector<std::string>& endpoints) {
  if (kind.find("reader") != std::string::npos) {
    ReaderOptions options;
    options.shared_memory = kind == "sharing-reader" || kind == "arena-reader";
    if (kind == "two-channel-reader") options.channels = 2;
    if (kind == "traced-reader") options.trace_file = "/tmp/edl-bench-" + std::to_string(getpid()) + ".trace.json";
    if (kind == "fp16-reader") options.compression.fields["image"] = {DType::kFp16};
    std::vector<Tensor> batches = payload.MakeBatches();
    if (kind == "arena-reader") batches = InArena(batches, options);
    return std::make_unique<ReaderClient>(std::move(batches), endpoints, std::move(options));
  }
  std::vector<CallingClient::Call> calls;
  for (const std::string& endpoint : endpoints) {
    if (kind == "raw") {
      auto client = std::make_shared<RawSocketClient>(endpoint, payload.reply_bytes());
      calls.push_back([client](const Tensor& batch) { client->Call(batch.data(), batch.byte_size()); });
    } else {
      auto client = std::make_shared<NaiveClient>(endpoint);
      calls.push_back([client](const Tensor& batch) { client->Call(batch); });
    }
  }
  return std::make_unique<CallingClient>(payload.MakeBatches(), std::move(calls));
}

WireRun RunWire(WireClient& client, const Payload& payload, const std::vector<int>& servers, double seconds) {
  const auto warm = Clock::now() + std::chrono::milliseconds(300);
  while (Clock::now() < warm) client.Step();
  const ProcessUsage client_before = ProcessUsage::OfThisProcess();
  const ProcessUsage server_before = UsageOf(servers);
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::int64_t batches = 0;
  Clock::time_point now = start;
  for (; now < end; now = Clock::now()) {
    client.Step();
    ++batches;
  }
  const ProcessUsage client_used = ProcessUsage::OfThisProcess() - client_before;
  const ProcessUsage server_used = UsageOf(servers) - server_before;
  const auto count = static_cast<double>(batches);
  const double gigabytes = count * static_cast<double>(payload.batch_bytes()) / 1e9;
  return {count / std::chrono::duration<double>(now - start).count(),
          client_used.cpu_s / gigabytes,
          server_used.cpu_s / gigabytes,
          static_cast<double>(client_used.minor_faults) / count,
          static_cast<double>(server_used.minor_faults) / count,
          static_cast<double>(client_used.switches) / count,
          static_cast<double>(server_used.switches) / count};
}

}  // namespace edl::bench
