// SPDX-License-Identifier: Apache-2.0
// ModelBinding: how the reader's fields and predictions meet the inputs and outputs of the teachers' model.
// Place: made from the first teacher's ModelMetadata; the splitter sends by it, every later teacher is held against it.
// Errors: INVALID_ARGUMENT - the reader's options, or a batch, do not fit the model; FAILED_PRECONDITION - a teacher
//         serves another model. Each says what the teacher has.
// Thread-safety: constant once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/compression.h"
#include "edl/model.h"

namespace edl {

class ModelBinding {
 public:
  struct Input {
    std::size_t field;  // index into ReaderOptions::fields
    TensorSpec spec;
  };

  static absl::StatusOr<ModelBinding> Bind(const std::vector<std::string>& fields,
                                           const std::vector<std::string>& predictions, const ModelInfo& model,
                                           const Compression& compression = {});

  const ModelInfo& model() const { return model_; }
  const std::vector<Input>& inputs() const { return inputs_; }
  // What comes out: three tensors for a prediction of which only the highest scores are wanted.
  const std::vector<TensorSpec>& predictions() const { return predictions_; }
  // Of a prediction that holds classes: they are below this. 0 for any other.
  std::int64_t classes(std::size_t prediction) const { return classes_[prediction]; }

  // Soft labels of `other` would mix with this model's only if it is the same by name, version, inputs and outputs.
  absl::Status CheckSame(const ModelInfo& other) const;

 private:
  absl::Status AddPrediction(const TensorSpec& output, const Compression& compression);

  ModelInfo model_;
  std::vector<Input> inputs_;
  std::vector<TensorSpec> predictions_;
  std::vector<std::int64_t> classes_;  // one a prediction
};

// The shape in which a row of `row_shape` is sent to an input: its own where it fits `spec` without the batch
// dimension, else the input's where that has as many elements. INVALID_ARGUMENT when neither, or the dtype differs.
absl::StatusOr<Shape> FitRow(const TensorSpec& spec, DType dtype, const Shape& row_shape);

// Does a shape without its batch dimension fit a spec's (-1: any)?
bool RowMatches(const TensorSpec& spec, const Shape& row_shape);

}  // namespace edl
