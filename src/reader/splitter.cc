// SPDX-License-Identifier: Apache-2.0
#include "src/reader/splitter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/status.h"

namespace edl {
namespace {

Fragment Borrow(const Tensor& tensor) {
  return {tensor.data(), tensor.byte_size(), tensor.owner()};
}

WireTensor NewInput(const TensorSpec& spec, std::int64_t rows, const Shape& row_shape) {
  WireTensor input;
  input.spec = {spec.name, spec.dtype, {rows}};
  input.spec.shape.insert(input.spec.shape.end(), row_shape.begin(), row_shape.end());
  return input;
}

}  // namespace

absl::Status Splitter::CheckFieldCount(const Fields& fields) const {
  if (fields.size() == fields_.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("holds ", fields.size(), " tensors; expected one for each of the ",
                                                 fields_.size(), " fields {", absl::StrJoin(fields_, ", "), "}"));
}

// The row shape in which each of the model's inputs is sent.
absl::StatusOr<std::vector<Shape>> Splitter::FitRows(const Fields& fields, bool with_row_dimension) const {
  std::vector<Shape> shapes;
  shapes.reserve(binding_->inputs().size());
  for (const ModelBinding::Input& input : binding_->inputs()) {
    const Tensor& tensor = fields[input.field];
    Shape row_shape(tensor.shape().begin() + (with_row_dimension ? 1 : 0), tensor.shape().end());
    absl::StatusOr<Shape> shape = FitRow(input.spec, tensor.dtype(), row_shape);
    if (!shape.ok()) {
      return absl::Status(shape.status().code(),
                          absl::StrCat("field '", fields_[input.field], "' ", shape.status().message()));
    }
    shapes.push_back(*std::move(shape));
  }
  return shapes;
}

absl::StatusOr<std::vector<Part>> Splitter::SplitBatch(const Fields& batch) const {
  EDL_RETURN_IF_ERROR(CheckFieldCount(batch));
  const std::int64_t rows = batch.front().rows();
  for (std::size_t f = 0; f < batch.size(); ++f) {
    if (batch[f].shape().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("field '", fields_[f], "' is a scalar; a batch's fields have a row dimension first"));
    }
    if (batch[f].rows() != rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("field '", fields_[f], "' has ", batch[f].rows(), " rows, but '", fields_[0], "' has ", rows));
    }
  }
  EDL_ASSIGN_OR_RETURN(std::vector<Shape> shapes, FitRows(batch, /*with_row_dimension=*/true));
  std::vector<Part> parts;
  for (std::int64_t first = 0; first < rows; first += part_rows_) {
    Part part{first, std::min(part_rows_, rows - first), {}};
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const ModelBinding::Input& input = binding_->inputs()[i];
      EDL_ASSIGN_OR_RETURN(Tensor slice, batch[input.field].Rows(first, first + part.rows));
      part.inputs.push_back(NewInput(input.spec, part.rows, shapes[i]));
      part.inputs.back().fragments.push_back(Borrow(slice));
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

absl::StatusOr<std::vector<Part>> Splitter::SplitSamples(const SampleList& samples) const {
  std::vector<Part> parts;
  std::vector<Shape> shapes;  // of the last part
  for (std::size_t s = 0; s < samples.size(); ++s) {
    auto row = static_cast<std::int64_t>(s);
    auto in_sample = [&](const absl::Status& status) {
      return absl::Status(status.code(), absl::StrCat("sample ", row, " of it: ", status.message()));
    };
    if (absl::Status count = CheckFieldCount(samples[s]); !count.ok()) return in_sample(count);
    absl::StatusOr<std::vector<Shape>> fitted = FitRows(samples[s], /*with_row_dimension=*/false);
    if (!fitted.ok()) return in_sample(fitted.status());
    if (parts.empty() || parts.back().rows == part_rows_ || *fitted != shapes) {
      shapes = *std::move(fitted);
      Part part{row, 0, {}};
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        part.inputs.push_back(NewInput(binding_->inputs()[i].spec, 0, shapes[i]));
      }
      parts.push_back(std::move(part));
    }
    Part& part = parts.back();
    ++part.rows;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      part.inputs[i].spec.shape[0] = part.rows;
      part.inputs[i].fragments.push_back(Borrow(samples[s][binding_->inputs()[i].field]));
    }
  }
  return parts;
}

}  // namespace edl
