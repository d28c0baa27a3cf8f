// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "edl/distill_reader.h"

namespace edl {

const Tensor& DistilledBatch::at(const std::string& name) const {
  for (std::size_t i = 0; names != nullptr && i < names->size(); ++i) {
    if ((*names)[i] != name) continue;
    if (i < fields.size()) return fields[i];
    if (i - fields.size() < predictions.size()) return predictions[i - fields.size()];
    throw std::out_of_range(absl::StrCat("'", name, "' is in each of `samples` of a sample list, not in the list"));
  }
  throw std::out_of_range(
      absl::StrCat("no '", name, "' in a batch of {", names == nullptr ? "" : absl::StrJoin(*names, ", "), "}"));
}

}  // namespace edl
