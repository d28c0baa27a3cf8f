// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/epoch_loop.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "examples/resnet50_vd/checkpoint.h"
#include "examples/support/progress.h"

namespace resnet {
namespace {

using Clock = std::chrono::steady_clock;

// Ranks agree to stop by a sum, for which they wait; alone, it costs nothing.
constexpr std::int64_t kAgreeEvery = 10;

}  // namespace

// What one epoch came to, on this rank.
struct EpochLoop::Tally {
  Clock::time_point begin = Clock::now();
  std::int64_t images = 0;
  std::int64_t batches = 0;
  torch::Tensor loss;  // the sum over batches; on the device, so that adding to it does not wait

  void Add(const torch::Tensor& batch_loss, std::int64_t rows) {
    loss = loss.defined() ? loss + batch_loss : batch_loss;
    images += rows;
    ++batches;
  }
};

LoopEnd EpochLoop::Run(Position from) {
  Position position = from;
  while (position.epoch < options_.epochs) {
    if (!RunEpoch(position)) {
      Save(position);
      return LoopEnd::kStopped;
    }
  }
  return LoopEnd::kDone;
}

// False when the training is to stop; `position` is what comes next.
bool EpochLoop::RunEpoch(Position& position) {
  Tally tally;
  std::unique_ptr<edl_examples::Progress> progress;
  if (IsFirstRank()) {
    progress =
        std::make_unique<edl_examples::Progress>(absl::StrCat("epoch ", position.epoch + 1, " of ", options_.epochs),
                                                 options_.batches_per_epoch, "batch", position.batch);
  }
  BatchStream next = parts_.mode.NextEpoch();
  while (true) {
    if (ShallStop(position)) return false;
    std::optional<Batch> batch;
    try {
      batch = next();
    } catch (const std::exception&) {
      if (parts_.ranks.size() == 1 && parts_.stop_requested()) return false;  // the mode was stopped while it waited
      SaveWhatIsWhole(position);
      throw;
    }
    if (!batch) break;
    tally.Add(parts_.trainer.Step(position, *batch), batch->images.size(0));
    ++position.batch;
    if (progress != nullptr) progress->Advance();
    const std::int64_t interval = options_.checkpoint_interval;
    if (interval > 0 && position.batch % interval == 0 && position.batch < options_.batches_per_epoch) Save(position);
  }
  progress.reset();
  Report(position.epoch, tally);
  position = {position.epoch + 1, 0};
  Save(position);
  return true;
}

bool EpochLoop::ShallStop(Position position) const {
  if (parts_.ranks.size() == 1) return parts_.stop_requested();
  if (position.batch % kAgreeEvery != 0) return false;
  return parts_.ranks.Sum({parts_.stop_requested() ? 1.0 : 0.0})[0] > 0;
}

// Before an error goes on, which is what has to be heard of.
void EpochLoop::SaveWhatIsWhole(Position next) {
  try {
    Save(next);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "no checkpoint could be written: %s\n", error.what());
  }
}

void EpochLoop::Save(Position next) {
  if (IsFirstRank()) SaveCheckpoint(options_.checkpoint, parts_.trainer, next, options_.settings);
}

void EpochLoop::Report(std::int64_t epoch, const Tally& tally) {
  const double loss = tally.batches == 0 ? 0 : tally.loss.item<double>() / static_cast<double>(tally.batches);
  const double seconds = std::chrono::duration<double>(Clock::now() - tally.begin).count();
  Score score;
  if (parts_.validate) {
    parts_.ranks.Share(parts_.trainer.network()->buffers());  // the running statistics are each rank's own
    score = parts_.validate();
  }
  const std::vector<double> sums =
      parts_.ranks.Sum({static_cast<double>(tally.images), loss, static_cast<double>(score.rows),
                        static_cast<double>(score.top1), static_cast<double>(score.top5)});
  if (!std::isfinite(sums[1])) {
    throw std::runtime_error("the loss is not a number any more; the last checkpoint is as it was. Is --lr too high?");
  }
  if (!IsFirstRank()) return;
  std::string line = absl::StrFormat("epoch %d: loss %.4f, learning rate %.5f, %.1f img/s", epoch + 1,
                                     sums[1] / parts_.ranks.size(), parts_.trainer.learning_rate(), sums[0] / seconds);
  if (sums[2] > 0)
    absl::StrAppendFormat(&line, ", top-1 %.2f %%, top-5 %.2f %% of %.0f images", 100 * sums[3] / sums[2],
                          100 * sums[4] / sums[2], sums[2]);
  std::printf("%s\n", line.c_str());
  for (const std::string& more : {parts_.loader_report ? parts_.loader_report() : "", parts_.mode.Report()}) {
    if (!more.empty()) std::printf("%s\n", more.c_str());
  }
  std::fflush(stdout);
}

}  // namespace resnet
