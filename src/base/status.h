// SPDX-License-Identifier: Apache-2.0
// Status helpers: what every layer needs to pass a fault on with its context.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace edl {

// The same code, with "`context`: " before the message.
absl::Status Annotate(const absl::Status& status, const std::string& context);

// The status of the exception being handled; call it in a catch block. Bad input (std::invalid_argument,
// std::out_of_range) is INVALID_ARGUMENT, std::bad_alloc RESOURCE_EXHAUSTED, anything else UNKNOWN.
absl::Status StatusOfException();

// Runs `body`, turning an exception into a status: the one translator at the doors where foreign code is called.
template <typename Body>
auto Guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return StatusOfException();
  }
}

}  // namespace edl

#define EDL_CONCAT_INNER(a, b) a##b
#define EDL_CONCAT(a, b) EDL_CONCAT_INNER(a, b)

#define EDL_RETURN_IF_ERROR(expression)                                              \
  do {                                                                               \
    if (absl::Status edl_status = (expression); !edl_status.ok()) return edl_status; \
  } while (false)

#define EDL_ASSIGN_OR_RETURN(target, expression) \
  EDL_ASSIGN_OR_RETURN_IMPL(EDL_CONCAT(edl_result_, __LINE__), target, expression)
#define EDL_ASSIGN_OR_RETURN_IMPL(result, target, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) return result.status();                   \
  target = std::move(result).value()
