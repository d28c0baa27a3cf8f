// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/joint_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/status.h"

namespace edl {

bool FitTogether(const CheckedRequest& a, const CheckedRequest& b) {
  // Names and dtypes are the model's in both, and so is the number of dimensions.
  return std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(), b.inputs.end(),
                    [](const WireTensor& one, const WireTensor& other) {
                      const Shape& shape = one.spec.shape;
                      return std::equal(shape.begin() + 1, shape.end(), other.spec.shape.begin() + 1);
                    });
}

absl::StatusOr<std::vector<Tensor>> JoinRows(const std::vector<const CheckedRequest*>& requests) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < requests.front()->inputs.size(); ++i) {
    std::vector<const WireTensor*> parts;
    parts.reserve(requests.size());
    for (const CheckedRequest* request : requests) parts.push_back(&request->inputs[i]);
    absl::StatusOr<Tensor> joined = Join(parts);
    if (!joined.ok()) return Annotate(joined.status(), absl::StrCat("input '", parts.front()->spec.name, "'"));
    inputs.push_back(*std::move(joined));
  }
  return inputs;
}

absl::StatusOr<std::vector<Tensor>> CutRows(const std::vector<Tensor>& outputs, std::int64_t first, std::int64_t rows) {
  std::vector<Tensor> cut;
  for (const Tensor& output : outputs) {
    EDL_ASSIGN_OR_RETURN(Tensor part, output.Rows(first, first + rows));
    cut.push_back(std::move(part));
  }
  return cut;
}

}  // namespace edl
