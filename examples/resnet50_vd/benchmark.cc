// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/benchmark.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
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

// Images a second.
double Measure(Trainer& trainer, Mode& mode, const BenchmarkOptions& options) {
  BatchStream next = mode.NextEpoch();
  Position position;
  auto steps = [&](std::int64_t count) {
    torch::Tensor loss;
    for (std::int64_t i = 0; i < count; ++i) loss = trainer.Step(position, next().value());
    Settle(loss);
  };
  steps(options.warmup_steps);
  const auto begin = Clock::now();
  steps(options.steps);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return static_cast<double>(options.steps * options.batch_rows) / seconds;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string Row(const BenchmarkMode& mode, const BenchmarkOptions& options, const std::vector<double>& speeds,
                const std::vector<double>& shares) {
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  return absl::StrFormat("%-34s  %-34s  %-24s %5d %9.2f   %5.3f  (%.3f to %.3f)\n", mode.name, mode.teacher,
                         options.student, options.batch_rows, Median(speeds), Median(shares), *least, *most);
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
  std::vector<std::vector<double>> speeds(modes.size()), shares(modes.size());
  {
    edl_examples::Progress progress("measuring", options.rounds * static_cast<std::int64_t>(modes.size()), "run");
    for (int round = 0; round < options.rounds; ++round) {
      for (std::size_t m = 0; m < modes.size(); ++m) {
        const std::size_t at = round % 2 == 0 ? m : modes.size() - 1 - m;  // neither is always the first
        const std::unique_ptr<Mode> mode = modes[at].create(loader);
        speeds[at].push_back(Measure(trainer, *mode, options));
        progress.Advance();
      }
      for (std::size_t m = 0; m < modes.size(); ++m) shares[m].push_back(speeds[m].back() / speeds[0].back());
    }
  }
  std::string table = absl::StrFormat("%-34s  %-34s  %-24s %5s %9s   %s\n", "mode", "teacher", "student", "batch",
                                      "img/s", "share of plain (least to most)");
  for (std::size_t m = 0; m < modes.size(); ++m) table += Row(modes[m], options, speeds[m], shares[m]);
  absl::StrAppend(&table, "medians of ", options.rounds, " rounds of ", options.steps, " steps\n");
  return table;
}

}  // namespace resnet
