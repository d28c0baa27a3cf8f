// SPDX-License-Identifier: Apache-2.0
// DevicePrefetch: a reader's batches as tensors on the student's device, the next one on its way while the student
// trains on this one.
// Place: takes distilled batches from a DistillReader, gives them to the training loop. A thread of its own waits for
//        the reader, copies into pinned memory and from there to the device, on a stream beside the student's; the
//        student's stream, not its thread, waits for what is not there yet. On the CPU nothing is copied.
// Shapes, dtype: as the reader gives them. Not of sample lists, and only what libtorch has a type for.
// Errors: Next: the reader's own; INVALID_ARGUMENT - a field or prediction that libtorch has no type for, or a sample
//         list; RESOURCE_EXHAUSTED - out of memory; INTERNAL - what else the device complains of. All are sticky.
// Thread-safety: one thread at a time, on whose current stream the tensors are then used; Shutdown() and the reader's
//                Stats(): any thread.
// Lifetime, cost: owns the reader, which it shuts down with itself. Holds one batch, and so much of the device's
//                 memory, more than the student. The reader's StudentTime is the student's own: what this thread waits
//                 for ahead of it is no wait, nor what the student's thread waits for while its stream has work.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/distill_reader.h"

namespace edl {

// A DistilledBatch on the device.
struct DeviceBatch {
  std::int64_t epoch = 0;
  std::int64_t batch_seq = 0;
  std::int64_t rows = 0;
  std::vector<torch::Tensor> fields;
  std::vector<torch::Tensor> predictions;

  // The field or prediction of that name. Throws std::out_of_range naming what there is.
  const torch::Tensor& at(const std::string& name) const;

  std::shared_ptr<const std::vector<std::string>> names;
};

class DevicePrefetch {
 public:
  // INVALID_ARGUMENT - no reader; FAILED_PRECONDITION - this machine, or this libtorch, has no such device.
  static absl::StatusOr<std::unique_ptr<DevicePrefetch>> Create(std::unique_ptr<DistillReader> reader,
                                                                torch::Device device);

  virtual ~DevicePrefetch() = default;

  // The next batch; nullopt once at the end of each epoch, as DistillReader::Next. The epoch after that is begun by the
  // next call, not before.
  virtual absl::StatusOr<std::optional<DeviceBatch>> Next() = 0;

  // As DistillReader::LeaveEpoch, but waits until the batch that is being read has come.
  virtual void LeaveEpoch() = 0;

  // Cancels everything: a waiting Next() returns CANCELLED, or the batch that has just come.
  virtual void Shutdown() = 0;

  // For its Stats() and ConfigString().
  virtual const DistillReader& reader() const = 0;
};

}  // namespace edl
