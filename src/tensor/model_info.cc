// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "edl/model.h"

namespace edl {
namespace {

std::string Join(const std::vector<TensorSpec>& specs) {
  return absl::StrJoin(specs, ", ", [](std::string* out, const TensorSpec& spec) { *out += spec.ToString(); });
}

}  // namespace

std::string ModelInfo::ToString() const {
  std::string version_text = version.empty() ? "" : absl::StrCat(" (version ", version, ")");
  return absl::StrCat(name, version_text, ": inputs ", Join(inputs), "; outputs ", Join(outputs));
}

}  // namespace edl
