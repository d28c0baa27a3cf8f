// SPDX-License-Identifier: Apache-2.0
// A tensor on edl-teacher's command line, as "image:UINT8:-1,3,224,224". Input: that text.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/teacher/model_sidecar.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace edl;
  absl::StatusOr<TensorSpec> spec = ParseTensorSpec(FuzzInput(data, size).Rest());
  if (!spec.ok()) {
    Require(absl::IsInvalidArgument(spec.status()), "no tensor is an INVALID_ARGUMENT");
    return 0;
  }
  Require(!spec->name.empty() && spec->shape[0] == -1, "a tensor has a name and any number of rows");
  absl::StatusOr<TensorSpec> again =
      ParseTensorSpec(absl::StrCat(spec->name, ":", DTypeName(spec->dtype), ":", absl::StrJoin(spec->shape, ",")));
  Require(again.ok() && *again == *spec, "a tensor survives the round trip");
  return 0;
}
