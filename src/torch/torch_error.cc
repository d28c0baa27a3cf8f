// SPDX-License-Identifier: Apache-2.0
#include "src/torch/torch_error.h"

#include <c10/util/Exception.h>

namespace edl {

absl::Status StatusOfTorchException(absl::StatusCode complaint) {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& e) {
    return absl::ResourceExhaustedError(e.what_without_backtrace());
  } catch (const c10::Error& e) {
    return absl::Status(complaint, e.what_without_backtrace());
  } catch (...) {
    // TorchScript's own `raise`, and what the standard library throws.
    absl::Status status = StatusOfException();
    return absl::IsResourceExhausted(status) ? status : absl::Status(complaint, status.message());
  }
}

}  // namespace edl
