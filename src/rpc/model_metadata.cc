// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/model_metadata.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"
#include "src/rpc/spec_size.h"

namespace edl {
namespace {

// Of inputs, and of outputs.
constexpr int kMostTensors = 1024;

constexpr std::int64_t kMostBytes = INT32_MAX;  // of a message: Protobuf's limit

using TensorMetadata = inference::ModelMetadataResponse::TensorMetadata;

absl::StatusOr<TensorSpec> SpecFromProto(const TensorMetadata& proto) {
  EDL_RETURN_IF_ERROR(CheckSpecSize(proto));
  std::optional<DType> dtype = ParseDType(proto.datatype());
  if (!dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", proto.name(), "' has unknown datatype '", proto.datatype(), "'"));
  }
  return TensorSpec{proto.name(), *dtype, Shape(proto.shape().begin(), proto.shape().end())};
}

// What no server means: a name twice, or a row that no message can hold.
absl::Status CheckTensors(const char* kind, const std::vector<TensorSpec>& specs) {
  std::set<std::string> names;
  for (const TensorSpec& spec : specs) {
    if (!names.insert(spec.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("the model has more than one ", kind, " '", spec.name, "'"));
    }
    Shape row = spec.shape;
    for (std::int64_t& d : row) d = std::max<std::int64_t>(d, 1);  // of any length
    const auto size = static_cast<std::int64_t>(std::max<std::size_t>(DTypeSize(spec.dtype), 1));
    const absl::StatusOr<std::int64_t> elements = ElementCount(row);
    if (elements.ok() && *elements <= kMostBytes / size) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a row of ", kind, " ", spec.ToString(), " is larger than a message can be (2 GiB)"));
  }
  return absl::OkStatus();
}

void SpecToProto(const TensorSpec& spec, TensorMetadata* proto) {
  proto->set_name(spec.name);
  proto->set_datatype(DTypeName(spec.dtype));
  for (std::int64_t d : spec.shape) proto->add_shape(d);
}

}  // namespace

absl::StatusOr<ModelInfo> FromProto(const inference::ModelMetadataResponse& proto) {
  if (proto.inputs_size() > kMostTensors || proto.outputs_size() > kMostTensors) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", proto.inputs_size(), " inputs and ",
                                                   proto.outputs_size(), " outputs; at most ", kMostTensors, " each"));
  }
  ModelInfo info;
  info.name = proto.name();
  if (!proto.versions().empty()) info.version = proto.versions(proto.versions_size() - 1);
  info.platform = proto.platform();
  if (!IsFitName(info.name) || !IsFitName(info.version) || !IsFitName(info.platform)) {
    return absl::InvalidArgumentError(absl::StrCat("the model's name, version or platform is longer than ",
                                                   kLongestName, " bytes, or has control characters"));
  }
  for (const TensorMetadata& input : proto.inputs()) {
    EDL_ASSIGN_OR_RETURN(TensorSpec spec, SpecFromProto(input));
    info.inputs.push_back(std::move(spec));
  }
  for (const TensorMetadata& output : proto.outputs()) {
    EDL_ASSIGN_OR_RETURN(TensorSpec spec, SpecFromProto(output));
    info.outputs.push_back(std::move(spec));
  }
  EDL_RETURN_IF_ERROR(CheckTensors("input", info.inputs));
  EDL_RETURN_IF_ERROR(CheckTensors("output", info.outputs));
  return info;
}

inference::ModelMetadataResponse ToProto(const ModelInfo& info) {
  inference::ModelMetadataResponse proto;
  proto.set_name(info.name);
  if (!info.version.empty()) proto.add_versions(info.version);
  proto.set_platform(info.platform);
  for (const TensorSpec& input : info.inputs) SpecToProto(input, proto.add_inputs());
  for (const TensorSpec& output : info.outputs) SpecToProto(output, proto.add_outputs());
  return proto;
}

}  // namespace edl
