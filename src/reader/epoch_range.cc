// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "edl/distill_reader.h"

namespace edl {

EpochRange DistillReader::Epoch() {
  return EpochRange(this);
}

EpochRange::~EpochRange() {
  if (state_ == State::kInEpoch) reader_->LeaveEpoch();
}

EpochRange::Iterator EpochRange::begin() {
  if (state_ == State::kFresh) Advance();
  return Iterator(this);
}

void EpochRange::Advance() {
  if (state_ == State::kDone) {
    element_.reset();
    return;
  }
  absl::StatusOr<std::optional<DistilledBatch>> next = reader_->Next();
  state_ = next.ok() && next->has_value() ? State::kInEpoch : State::kDone;
  if (!next.ok()) {
    element_.emplace(next.status());
  } else if (next->has_value()) {
    element_.emplace(**std::move(next));
  } else {
    element_.reset();
  }
}

}  // namespace edl
