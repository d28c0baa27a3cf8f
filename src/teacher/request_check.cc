// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/request_check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/status.h"
#include "src/tensor/wire_tensor.h"

namespace edl {
namespace {

std::string Names(const std::vector<TensorSpec>& specs) {
  return absl::StrJoin(specs, ", ",
                       [](std::string* out, const TensorSpec& spec) { absl::StrAppend(out, "'", spec.name, "'"); });
}

// "UINT8 [-1, 28]"
std::string Kind(DType dtype, const Shape& shape) {
  return absl::StrCat(DTypeName(dtype), " ", ShapeToString(shape));
}

// Does a tensor of `dtype` and `shape` fit `spec`, whose -1 stands for any dimension?
bool Fits(const TensorSpec& spec, DType dtype, const Shape& shape) {
  return dtype == spec.dtype && shape.size() == spec.shape.size() &&
         std::equal(shape.begin(), shape.end(), spec.shape.begin(),
                    [](std::int64_t got, std::int64_t want) { return want == -1 || got == want; });
}

std::size_t Find(const std::vector<TensorSpec>& specs, const std::string& name) {
  auto found = std::find_if(specs.begin(), specs.end(), [&](const TensorSpec& spec) { return spec.name == name; });
  return found - specs.begin();
}

// The inputs in the model's order, each exactly once.
absl::StatusOr<std::vector<WireTensor*>> InOrder(const ModelInfo& info, std::vector<WireTensor>& inputs) {
  std::vector<WireTensor*> ordered(info.inputs.size());
  for (WireTensor& input : inputs) {
    std::size_t at = Find(info.inputs, input.spec.name);
    if (at == info.inputs.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown input '", input.spec.name, "'; model '", info.name, "' takes ", Names(info.inputs)));
    }
    if (ordered[at] != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("input '", input.spec.name, "' comes more than once"));
    }
    ordered[at] = &input;
  }
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    if (ordered[i] == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("input '", info.inputs[i].name, "' is missing; model '", info.name,
                                                     "' takes ", Names(info.inputs)));
    }
  }
  return ordered;
}

absl::Status CheckInput(const TensorSpec& spec, const WireTensor& input) {
  const TensorSpec& got = input.spec;
  const DType dtype = input.compressed ? DType::kFp32 : got.dtype;  // to which it will be expanded
  if (Fits(spec, dtype, got.shape)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("input '", spec.name, "': expected ", Kind(spec.dtype, spec.shape),
                                                 ", got ", Kind(dtype, got.shape)));
}

absl::Status CheckRows(const std::vector<WireTensor*>& inputs, std::int64_t max_rows) {
  const TensorSpec& first = inputs.front()->spec;
  for (const WireTensor* input : inputs) {
    if (input->spec.shape[0] != first.shape[0]) {
      return absl::InvalidArgumentError(absl::StrCat("input '", input->spec.name, "' has ", input->spec.shape[0],
                                                     " rows, but input '", first.name, "' has ", first.shape[0]));
    }
  }
  if (first.shape[0] == 0) return absl::InvalidArgumentError("the request has no rows");
  if (first.shape[0] > max_rows) {
    return absl::InvalidArgumentError(absl::StrCat("the request has ", first.shape[0],
                                                   " rows; this teacher takes at most ", max_rows, " in one request"));
  }
  return absl::OkStatus();
}

absl::Status CheckCompression(const TensorSpec& output, const PredictionCompression& how) {
  const std::int64_t classes = output.shape.back();
  const bool has_them = output.shape.size() > 1 && (classes == -1 || how.top_k < classes);
  if (output.dtype == DType::kFp32 && (how.top_k == 0 || has_them)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("output '", output.name, "' is ", Kind(output.dtype, output.shape),
                                                 "; it cannot come as ", how.ToString()));
}

absl::StatusOr<std::vector<AskedOutput>> OutputsAskedFor(const ModelInfo& info,
                                                         const std::vector<RequestedOutput>& asked) {
  std::vector<AskedOutput> outputs;
  for (const auto& [name, compression, shared] : asked) {
    const std::size_t at = Find(info.outputs, name);
    if (at == info.outputs.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown output '", name, "'; model '", info.name, "' gives ", Names(info.outputs)));
    }
    if (compression && shared) {
      return absl::InvalidArgumentError(absl::StrCat("output '", name, "' is asked for ", compression->ToString(),
                                                     " and in shared memory; it can be only one"));
    }
    if (std::any_of(outputs.begin(), outputs.end(), [&](const AskedOutput& one) { return one.at == at; })) {
      return absl::InvalidArgumentError(absl::StrCat("output '", name, "' is asked for more than once"));
    }
    if (compression) EDL_RETURN_IF_ERROR(CheckCompression(info.outputs[at], *compression));
    outputs.push_back({at, compression, shared});
  }
  for (std::size_t i = 0; asked.empty() && i < info.outputs.size(); ++i)
    outputs.push_back({i, std::nullopt, std::nullopt});
  return outputs;
}

absl::Status CheckSpecs(const char* kind, const std::vector<TensorSpec>& specs) {
  if (specs.empty()) return absl::InvalidArgumentError(absl::StrCat("the model has no ", kind));
  std::set<std::string> names;
  for (const TensorSpec& spec : specs) {
    if (spec.name.empty()) return absl::InvalidArgumentError(absl::StrCat("an ", kind, " of the model has no name"));
    std::string what = absl::StrCat(kind, " '", spec.name, "'");
    if (!names.insert(spec.name).second) return absl::InvalidArgumentError(absl::StrCat(what, " is there twice"));
    // Students send as many rows as they have, and refuse a teacher that takes no variable number of them.
    if (spec.shape.empty() || spec.shape[0] != -1) {
      return absl::InvalidArgumentError(absl::StrCat(what, " has the shape ", ShapeToString(spec.shape),
                                                     "; expected -1 first, for any number of rows"));
    }
    for (std::int64_t dimension : spec.shape) {
      if (dimension > 0 || dimension == -1) continue;
      return absl::InvalidArgumentError(absl::StrCat(what, ": shape ", ShapeToString(spec.shape), " has dimension ",
                                                     dimension, "; expected -1 (any) or a positive one"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckModelName(const ModelInfo& info, const std::string& name, const std::string& version) {
  if (!name.empty() && name != info.name) {
    return absl::NotFoundError(absl::StrCat("unknown model '", name, "'; this teacher serves '", info.name, "'"));
  }
  if (!version.empty() && version != info.version) {
    std::string served = info.version.empty() ? "no named version" : absl::StrCat("version '", info.version, "'");
    return absl::NotFoundError(
        absl::StrCat("unknown version '", version, "' of model '", info.name, "'; this teacher serves ", served));
  }
  return absl::OkStatus();
}

absl::StatusOr<CheckedRequest> CheckRequest(const ModelInfo& info, std::int64_t max_rows, InferRequest request) {
  EDL_RETURN_IF_ERROR(CheckModelName(info, request.model_name, request.model_version));
  CheckedRequest checked;
  EDL_ASSIGN_OR_RETURN(std::vector<WireTensor*> inputs, InOrder(info, request.inputs));
  for (std::size_t i = 0; i < inputs.size(); ++i) EDL_RETURN_IF_ERROR(CheckInput(info.inputs[i], *inputs[i]));
  EDL_RETURN_IF_ERROR(CheckRows(inputs, max_rows));
  EDL_ASSIGN_OR_RETURN(checked.outputs, OutputsAskedFor(info, request.outputs));
  checked.rows = inputs.front()->spec.shape[0];
  for (WireTensor* input : inputs) checked.inputs.push_back(std::move(*input));
  checked.id = std::move(request.id);
  checked.times = request.times;
  return checked;
}

absl::Status CheckOutputs(const ModelInfo& info, std::int64_t rows, const std::vector<Tensor>& outputs) {
  if (outputs.size() != info.outputs.size()) {
    return absl::InternalError(absl::StrCat("model '", info.name, "' gave ", outputs.size(), " outputs, expected ",
                                            info.outputs.size(), ": ", Names(info.outputs)));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorSpec& spec = info.outputs[i];
    if (!Fits(spec, outputs[i].dtype(), outputs[i].shape())) {
      return absl::InternalError(absl::StrCat("model '", info.name, "' gave output '", spec.name, "' as ",
                                              outputs[i].ToString(), ", expected ", Kind(spec.dtype, spec.shape)));
    }
    if (outputs[i].rows() != rows) {
      return absl::InternalError(absl::StrCat("model '", info.name, "' gave output '", spec.name, "' with ",
                                              outputs[i].rows(), " rows for a request of ", rows));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckModelInfo(const ModelInfo& info) {
  if (info.name.empty()) return absl::InvalidArgumentError("the model has no name");
  EDL_RETURN_IF_ERROR(CheckSpecs("input", info.inputs));
  return CheckSpecs("output", info.outputs);
}

}  // namespace edl
