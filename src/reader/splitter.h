// SPDX-License-Identifier: Apache-2.0
// Splitter: cuts what the source gave into parts that teachers take.
// Place: between the source loop and the requests of a batch in flight.
// Shapes: a part: inputs [rows, …], rows <= ReaderOptions::teacher_batch_rows, in the model's order. A part ends early
//         where the next sample of a list would be sent in another shape.
// Errors: INVALID_ARGUMENT - the number of tensors, their rows, dtype or row shape.
// Thread-safety: constant. Cost: no tensor bytes are copied.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/batch_source.h"
#include "src/dispatch/model_binding.h"
#include "src/tensor/wire_tensor.h"

namespace edl {

struct Part {
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::vector<WireTensor> inputs;
};

class Splitter {
 public:
  Splitter(std::vector<std::string> fields, std::int64_t part_rows, std::shared_ptr<const ModelBinding> binding)
      : fields_(std::move(fields)), part_rows_(part_rows), binding_(std::move(binding)) {}

  // Each field [rows, …].
  absl::StatusOr<std::vector<Part>> SplitBatch(const Fields& batch) const;

  // Each sample is one row, without the row dimension.
  absl::StatusOr<std::vector<Part>> SplitSamples(const SampleList& samples) const;

 private:
  absl::Status CheckFieldCount(const Fields& fields) const;
  absl::StatusOr<std::vector<Shape>> FitRows(const Fields& fields, bool with_row_dimension) const;

  const std::vector<std::string> fields_;
  const std::int64_t part_rows_;
  const std::shared_ptr<const ModelBinding> binding_;
};

}  // namespace edl
