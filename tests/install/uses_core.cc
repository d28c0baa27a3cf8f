// SPDX-License-Identifier: Apache-2.0
// The installed edl::edl compiles, links and runs.
#include <iostream>

#include "edl/tensor.h"

int main() {
  absl::StatusOr<edl::Tensor> tensor = edl::Tensor::FromVector<float>({2, 3}, {0, 1, 2, 3, 4, 5});
  if (!tensor.ok() || tensor->ToString() != "FP32 [2, 3]") {
    std::cerr << tensor.status() << "\n";
    return 1;
  }
  return 0;
}
