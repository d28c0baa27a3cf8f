// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/reply_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/legible.h"
#include "src/base/status.h"
#include "src/dispatch/finite_check.h"

namespace edl {

namespace {

// A student may use them as places in memory.
absl::Status CheckClasses(const WireTensor& index, std::int64_t classes) {
  EDL_ASSIGN_OR_RETURN(const Tensor joined, Join({&index}));
  const auto* at = joined.data_as<std::int32_t>();
  bool all = true;
  for (std::int64_t i = 0; i < joined.element_count(); ++i) all &= at[i] >= 0 && at[i] < classes;
  if (all) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the reply's ", index.spec.ToString(), " holds classes beyond 0 to ", classes - 1));
}

}  // namespace

absl::StatusOr<std::vector<WireTensor>> CheckReply(const ModelBinding& binding, std::int64_t rows, bool check_finite,
                                                   InferReply reply) {
  const ModelInfo& model = binding.model();
  auto differs = [](const std::string& got, const std::string& want) {
    return !got.empty() && !want.empty() && got != want;
  };
  if (differs(reply.model_name, model.name) || differs(reply.model_version, model.version)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "model '", Legible(reply.model_name.substr(0, 100)), "' version '", Legible(reply.model_version.substr(0, 100)),
        "' answered for '", model.name, "' version '", model.version, "'"));
  }
  std::vector<WireTensor> predictions;
  predictions.reserve(binding.predictions().size());
  for (std::size_t p = 0; p < binding.predictions().size(); ++p) {
    const TensorSpec& spec = binding.predictions()[p];
    auto is_it = [&](const WireTensor& tensor) { return tensor.spec.name == spec.name; };
    auto output = std::find_if(reply.outputs.begin(), reply.outputs.end(), is_it);
    if (output == reply.outputs.end()) {
      return absl::DataLossError(absl::StrCat("the reply lacks output '", spec.name, "'"));
    }
    if (std::any_of(output + 1, reply.outputs.end(), is_it)) {
      return absl::DataLossError(absl::StrCat("the reply has output '", spec.name, "' more than once"));
    }
    const TensorSpec& got = output->spec;
    bool fits = got.dtype == spec.dtype && !got.shape.empty() && got.shape[0] == rows &&
                RowMatches(spec, Shape(got.shape.begin() + 1, got.shape.end()));
    if (!fits) {
      return absl::DataLossError(absl::StrCat("the reply to ", rows, " rows holds ", got.ToString(), "; expected ",
                                              spec.ToString(), " with ", rows, " rows"));
    }
    if (binding.classes(p) != 0) EDL_RETURN_IF_ERROR(CheckClasses(*output, binding.classes(p)));
    if (check_finite) EDL_RETURN_IF_ERROR(CheckFinite(*output));
    predictions.push_back(std::move(*output));
  }
  return predictions;
}

}  // namespace edl
