// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/model_binding.h"

#include <algorithm>
#include <utility>

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
                                                const std::vector<std::string>& predictions, const ModelInfo& model,
                                                const Compression& compression) {
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
    if (auto how = compression.fields.find(spec.name); how != compression.fields.end() && spec.dtype != DType::kFp32) {
      return absl::InvalidArgumentError(
          absl::StrCat("its model takes ", spec.ToString(), "; only FP32 travels as ", how->second.ToString()));
    }
    binding.inputs_.push_back({static_cast<std::size_t>(field - fields.begin()), spec});
  }
  for (const auto& field : compression.fields) {
    auto taken = std::find_if(model.inputs.begin(), model.inputs.end(),
                              [&](const TensorSpec& spec) { return spec.name == field.first; });
    if (taken != model.inputs.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("field '", field.first, "' is to travel as ",
                                                   field.second.ToString(), ", and its model does not take it; it ",
                                                   "serves ", model.ToString()));
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
    EDL_RETURN_IF_ERROR(binding.AddPrediction(*output, compression));
  }
  return binding;
}

absl::Status ModelBinding::AddPrediction(const TensorSpec& output, const Compression& compression) {
  auto found = compression.predictions.find(output.name);
  auto add = [this](TensorSpec spec, std::int64_t classes) {
    predictions_.push_back(std::move(spec));
    classes_.push_back(classes);
  };
  if (found == compression.predictions.end()) {
    add(output, 0);
    return absl::OkStatus();
  }
  const PredictionCompression& how = found->second;
  if (output.dtype != DType::kFp32) {
    return absl::InvalidArgumentError(
        absl::StrCat("its model gives ", output.ToString(), "; only FP32 comes as ", how.ToString()));
  }
  if (how.top_k == 0) {
    add(output, 0);
    return absl::OkStatus();
  }
  const std::int64_t classes = output.shape.back();
  if (output.shape.size() < 2 || (classes != -1 && classes <= how.top_k)) {
    return absl::InvalidArgumentError(absl::StrCat("its model gives ", output.ToString(), "; ", how.ToString(),
                                                   " are taken of more classes than that"));
  }
  TensorSpec values = output, index = output, rest = output;
  values.shape.back() = index.shape.back() = how.top_k;
  rest.shape.pop_back();
  index.name = TopKIndexName(output.name);
  index.dtype = DType::kInt32;
  rest.name = TopKRestName(output.name);
  add(std::move(values), 0);
  add(std::move(index), classes == -1 ? INT32_MAX : classes);
  add(std::move(rest), 0);
  return absl::OkStatus();
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
