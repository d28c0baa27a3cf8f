// SPDX-License-Identifier: Apache-2.0
#include "src/torch/torch_threads.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace edl {

int SetTorchThreads(int threads, int instances) {
  at::set_num_threads(threads > 0 ? threads : std::max(1, at::get_num_threads() / instances));
  return at::get_num_threads();
}

}  // namespace edl
