// SPDX-License-Identifier: Apache-2.0
// ModelMetadata's reply: what a teacher says of its model, and what a reader makes of that.
// Input: a ModelMetadataResponse.
#include "src/rpc/model_metadata.h"

#include <algorithm>

#include "src/dispatch/model_binding.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/wire_slices.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  inference::ModelMetadataResponse proto;
  if (!proto.ParseFromString(FuzzInput(data, size).Rest())) return 0;
  absl::StatusOr<ModelInfo> info = FromProto(proto);
  if (!info.ok()) {
    Require(absl::IsInvalidArgument(info.status()), "a model that makes no sense is an INVALID_ARGUMENT");
    return 0;
  }
  absl::StatusOr<ModelInfo> again = FromProto(ToProto(*info));
  Require(again.ok() && again->ToString() == info->ToString() && again->platform == info->platform,
          "a model survives the round trip");

  absl::StatusOr<ModelBinding> binding = ModelBinding::Bind({"image", "label"}, {"score"}, *info);
  if (!binding.ok()) {
    Require(absl::IsInvalidArgument(binding.status()), "a model that does not fit is an INVALID_ARGUMENT");
    return 0;
  }
  Require(binding->CheckSame(*again).ok(), "a model is the same as itself");
  for (const ModelBinding::Input& input : binding->inputs()) {
    Require(input.spec.shape[0] == -1, "an input takes any number of rows");
    absl::StatusOr<Shape> row = FitRow(input.spec, DType::kUint8, {3, 4});
    if (!row.ok()) continue;
    Require(ElementCount(*row).value() == 12 && RowMatches(input.spec, *row), "a row keeps its elements");
  }
  return 0;
}
