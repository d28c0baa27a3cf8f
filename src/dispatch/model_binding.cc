// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/model_binding.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/status.h"

namespace edl {
namespace {

Shape RowShape(const TensorSpec& spec) {
  return Shape(spec.shape.begin() + 1, spec.shape.end());
}

std::string Names(const std::vector<std::string>& names) {
  return absl::StrCat("{", absl::StrJoin(names, ", "), "}");
}

absl::Status CheckBatchDimension(const char* kind, const TensorSpec& spec) {
  if (!spec.shape.empty() && spec.shape[0] == -1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "its ", kind, " ", spec.ToString(), " takes no variable number of rows; expected a batch dimension of -1"));
}

}  // namespace

absl::StatusOr<ModelBinding> ModelBinding::Bind(const std::vector<std::string>& fields,
                                                const std::vector<std::string>& predictions, const ModelInfo& model) {
  ModelBinding binding;
  binding.model_ = model;
  for (const TensorSpec& spec : model.inputs) {
    auto field = std::find(fields.begin(), fields.end(), spec.name);
    if (field == fields.end()) {
      return absl::InvalidArgumentError(absl::StrCat("its model takes an input '", spec.name,
                                                     "', which is none of the fields ", Names(fields), "; it serves ",
                                                     model.ToString()));
    }
    EDL_RETURN_IF_ERROR(CheckBatchDimension("input", spec));
    binding.inputs_.push_back({static_cast<std::size_t>(field - fields.begin()), spec});
  }
  if (binding.inputs_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("its model takes no inputs; it serves ", model.ToString()));
  }
  for (const std::string& name : predictions) {
    auto output = std::find_if(model.outputs.begin(), model.outputs.end(),
                               [&](const TensorSpec& spec) { return spec.name == name; });
    if (output == model.outputs.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("its model has no output '", name, "'; it serves ", model.ToString()));
    }
    EDL_RETURN_IF_ERROR(CheckBatchDimension("output", *output));
    binding.predictions_.push_back(*output);
  }
  return binding;
}

absl::Status ModelBinding::CheckSame(const ModelInfo& other) const {
  auto sorted = [](std::vector<TensorSpec> specs) {
    std::sort(specs.begin(), specs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return specs;
  };
  if (other.name == model_.name && other.version == model_.version && sorted(other.inputs) == sorted(model_.inputs) &&
      sorted(other.outputs) == sorted(model_.outputs)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("it serves ", other.ToString(), ", but this reader's soft labels come from ", model_.ToString()));
}

bool RowMatches(const TensorSpec& spec, const Shape& row_shape) {
  return spec.shape.size() == row_shape.size() + 1 &&
         std::equal(row_shape.begin(), row_shape.end(), spec.shape.begin() + 1,
                    [](std::int64_t have, std::int64_t want) { return want == -1 || have == want; });
}

absl::StatusOr<Shape> FitRow(const TensorSpec& spec, DType dtype, const Shape& row_shape) {
  if (dtype != spec.dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", DTypeName(dtype), ", but the teacher takes ", spec.ToString()));
  }
  if (RowMatches(spec, row_shape)) return row_shape;
  Shape wanted = RowShape(spec);
  bool fixed = std::find(wanted.begin(), wanted.end(), -1) == wanted.end();
  if (fixed) {
    EDL_ASSIGN_OR_RETURN(std::int64_t have, ElementCount(row_shape));
    EDL_ASSIGN_OR_RETURN(std::int64_t want, ElementCount(wanted));
    if (have == want) return wanted;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("has rows of shape ", ShapeToString(row_shape), ", but the teacher takes ", spec.ToString()));
}

}  // namespace edl
