// SPDX-License-Identifier: Apache-2.0
// Torch errors: the door at which libtorch's exceptions become statuses.
#pragma once

#include "src/base/status.h"

namespace edl {

// The status of the exception being handled; call it in a catch block. Out of memory is RESOURCE_EXHAUSTED; all else
// that libtorch complains of has the code `complaint`, without the C++ stack that c10::Error carries. libtorch throws
// the same type for a lost device and for a tensor that does not fit, so only the caller can know whose fault it is.
absl::Status StatusOfTorchException(absl::StatusCode complaint);

// Guarded, for code that calls libtorch.
template <typename Body>
auto TorchGuarded(absl::StatusCode complaint, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return StatusOfTorchException(complaint);
  }
}

}  // namespace edl
