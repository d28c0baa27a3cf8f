// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/benchmark.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "edl/torch/tensor.h"
#include "examples/support/progress.h"

namespace resnet {
namespace {

using Clock = std::chrono::steady_clock;

// What has been asked of the device is done.
void Settle(const torch::Tensor& loss) {
  if (loss.item<double>() != loss.item<double>()) throw std::runtime_error("the student's loss is not a number");
}

double Seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

// Of all threads of this process.
double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Run {
  double speed = 0;   // images a second
  double cpu = 0;     // seconds a step
  double waited = 0;  // share of the time, for batches
  std::string report;
};

Run Measure(Trainer& trainer, Mode& mode, const BenchmarkOptions& options) {
  BatchStream next = mode.NextEpoch();
  Position position;
  Clock::duration waited{0};
  auto steps = [&](std::int64_t count) {
    torch::Tensor loss;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto asked = Clock::now();
      const Batch batch = next().value();
      waited += Clock::now() - asked;
      loss = trainer.Step(position, batch);
    }
    Settle(loss);
  };
  steps(options.warmup_steps);
  waited = {};
  mode.Report();  // of the warm-up
  const auto begin = Clock::now();
  const double cpu_before = CpuSeconds();
  steps(options.steps);
  const double seconds = Seconds(Clock::now() - begin);
  return {static_cast<double>(options.steps * options.batch_rows) / seconds,
          (CpuSeconds() - cpu_before) / static_cast<double>(options.steps), Seconds(waited) / seconds, mode.Report()};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// `runs` in the order of their rounds, and so those of the first mode.
std::string Row(const BenchmarkMode& mode, const BenchmarkOptions& options, const std::vector<Run>& runs,
                const std::vector<Run>& plain) {
  std::vector<double> speeds, shares, cpu_shares, waits;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    speeds.push_back(runs[i].speed);
    shares.push_back(runs[i].speed / plain[i].speed);
    cpu_shares.push_back(runs[i].cpu / plain[i].cpu);
    waits.push_back(runs[i].waited);
  }
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  return absl::StrFormat("%-34s  %-28s  %-18s %5d %9.2f   %5.3f  (%.3f to %.3f)  %5.3f  %6.2f %%\n", mode.name,
                         mode.teacher, options.student, options.batch_rows, Median(speeds), Median(shares), *least,
                         *most, Median(cpu_shares), 100 * Median(waits));
}

}  // namespace

Loader SyntheticLoader(const BenchmarkOptions& options) {
  constexpr int kBatches = 4;
  const auto generator = torch::make_generator<torch::CPUGeneratorImpl>(1);
  const std::int64_t side = options.image_size;
  const std::vector<std::int64_t> shape = options.layout == PixelLayout::kNchw
                                              ? std::vector<std::int64_t>{options.batch_rows, 3, side, side}
                                              : std::vector<std::int64_t>{options.batch_rows, side, side, 3};
  std::vector<edl::Fields> batches;
  for (int i = 0; i < kBatches; ++i) {
    const torch::Tensor images = torch::randint(256, shape, generator, torch::kUInt8);
    const torch::Tensor labels = torch::randint(options.classes, {options.batch_rows}, generator, torch::kInt64);
    batches.push_back({edl::FromTorch(images).value(), edl::FromTorch(labels).value()});
  }
  return {[batches](std::int64_t) -> edl::Generator<edl::Fields> {
            return [batches, i = std::size_t{0}]() mutable -> absl::StatusOr<std::optional<edl::Fields>> {
              return std::optional<edl::Fields>(batches[i++ % batches.size()]);
            };
          },
          {"image", "label"}};
}

std::string RunBenchmark(Trainer& trainer, const std::vector<BenchmarkMode>& modes, const BenchmarkOptions& options) {
  const Loader loader = SyntheticLoader(options);
  std::vector<std::vector<Run>> runs(modes.size());
  {
    edl_examples::Progress progress("measuring", options.rounds * static_cast<std::int64_t>(modes.size()), "run");
    for (int round = 0; round < options.rounds; ++round) {
      for (std::size_t m = 0; m < modes.size(); ++m) {
        const std::size_t at = round % 2 == 0 ? m : modes.size() - 1 - m;  // neither is always the first
        const std::unique_ptr<Mode> mode = modes[at].create(loader);
        runs[at].push_back(Measure(trainer, *mode, options));
        progress.Advance();
      }
    }
  }
  std::string table = absl::StrFormat("%-34s  %-28s  %-18s %5s %9s   %-23s  %5s  %8s\n", "mode", "teacher", "student",
                                      "batch", "img/s", "of plain (from, to)", "CPU", "waited");
  for (std::size_t m = 0; m < modes.size(); ++m) table += Row(modes[m], options, runs[m], runs[0]);
  absl::StrAppend(
      &table, "medians of ", options.rounds, " rounds of ", options.steps,
      " steps; CPU: this process's seconds, of plain's, teachers in it included; waited: the student's thread, "
      "for batches\n");
  for (std::size_t m = 0; m < modes.size(); ++m) {
    const std::string& report = runs[m].back().report;
    if (!report.empty()) absl::StrAppend(&table, modes[m].name, ", ", modes[m].teacher, ", at last: ", report, "\n");
  }
  return table;
}

}  // namespace resnet
