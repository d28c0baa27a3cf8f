// SPDX-License-Identifier: Apache-2.0
// Delivery: what travels through the reorder buffer to the student: distilled batches, the end of an epoch, or a fault.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "edl/distill_reader.h"
#include "src/base/cancellation.h"

namespace edl {

struct Delivery {
  enum class Kind {
    kBatches,  // one distilled batch; of a source of samples, a group of them
    kEnd,      // nothing more comes of the epoch: its regular end; or (status) the source failed, and so nothing ever
    kFault,    // a batch that could not be distilled: status says why
  };

  Kind kind = Kind::kBatches;
  std::int64_t epoch = 0;
  std::shared_ptr<Cancellation> cancellation;  // the epoch's
  std::vector<DistilledBatch> batches;
  std::int64_t before_end = 0;  // kEnd: how many other deliveries the epoch has
  absl::Status status;
  std::int64_t bytes = 0;  // credits that it holds in FlowControl, beside that of one batch
};

}  // namespace edl
