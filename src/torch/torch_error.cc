// SPDX-License-Identifier: Apache-2.0
#include "src/torch/torch_error.h"

#include <c10/util/Exception.h>

namespace edl {

absl::Status StatusOfTorchException() {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& e) {
    return absl::ResourceExhaustedError(e.what_without_backtrace());
  } catch (const c10::Error& e) {
    return absl::InvalidArgumentError(e.what_without_backtrace());
  } catch (...) {
    return StatusOfException();
  }
}

}  // namespace edl
