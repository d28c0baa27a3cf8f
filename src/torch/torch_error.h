// SPDX-License-Identifier: Apache-2.0
// Torch errors: the door at which libtorch's exceptions become statuses.
#pragma once

#include "src/base/status.h"

namespace edl {

// The status of the exception being handled; call it in a catch block. Out of memory is RESOURCE_EXHAUSTED, what
// TorchScript or libtorch complains of INVALID_ARGUMENT, without the C++ stack that c10::Error carries.
absl::Status StatusOfTorchException();

// Guarded, for code that calls libtorch.
template <typename Body>
auto TorchGuarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return StatusOfTorchException();
  }
}

}  // namespace edl
