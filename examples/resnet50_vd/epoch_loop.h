// SPDX-License-Identifier: Apache-2.0
// EpochLoop: the training from a position to its end: steps, validation, progress, checkpoints.
// Place: takes batches from a mode, steps the trainer, and is where a training stops and goes on.
// Errors: what the trainer and the mode throw; the last checkpoint stays.
// Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "examples/resnet50_vd/batch.h"
#include "examples/resnet50_vd/modes.h"
#include "examples/resnet50_vd/trainer.h"

namespace resnet {

struct EpochLoopOptions {
  std::int64_t epochs = 1;
  std::int64_t batches_per_epoch = 1;
  std::filesystem::path checkpoint;      // written by rank 0
  std::int64_t checkpoint_interval = 0;  // batches; 0: at the end of each epoch only
  std::string settings;                  // of the checkpoint
};

struct EpochLoopParts {
  Trainer& trainer;
  Mode& mode;
  Ranks& ranks;
  std::function<bool()> stop_requested;
  std::function<Score()> validate;             // of this rank's share of the validation images; null: none
  std::function<std::string()> loader_report;  // what there is to say of the images; may be empty
};

enum class LoopEnd { kDone, kStopped };

class EpochLoop {
 public:
  EpochLoop(const EpochLoopParts& parts, const EpochLoopOptions& options) : parts_(parts), options_(options) {}

  LoopEnd Run(Position from);

 private:
  struct Tally;

  bool RunEpoch(Position& position);
  bool ShallStop(Position position) const;
  void Save(Position next);
  void SaveWhatIsWhole(Position next);
  void Report(std::int64_t epoch, const Tally& tally);
  bool IsFirstRank() const { return parts_.ranks.rank() == 0; }

  const EpochLoopParts parts_;
  const EpochLoopOptions options_;
};

}  // namespace resnet
