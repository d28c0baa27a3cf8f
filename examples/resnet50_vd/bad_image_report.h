// SPDX-License-Identifier: Apache-2.0
// BadImageReport: counts what a loader gave, and says which images it could not use: the first ones by name, the rest
// by their number at the end of each epoch.
// Thread-safety: any thread. `say` is called outside of the lock.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "examples/resnet50_vd/epoch_decoder.h"
#include "examples/resnet50_vd/image_loader.h"

namespace resnet {

class BadImageReport {
 public:
  explicit BadImageReport(std::function<void(const std::string&)> say) : say_(std::move(say)) {}

  void Count(const DecodedBatch& batch);
  void EndEpoch(std::int64_t epoch);
  LoaderStats stats() const;

 private:
  const std::function<void(const std::string&)> say_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  LoaderStats stats_;
  std::int64_t unsaid_ = 0;  // bad images since the last time that a number of them was said
};

}  // namespace resnet
