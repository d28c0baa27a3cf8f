// SPDX-License-Identifier: Apache-2.0
// BYTES elements: each is a 4-byte little-endian length, then that many bytes.
// Source: Open Inference Protocol, "Tensor Data": the layout of BYTES in raw contents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace edl {

inline constexpr std::size_t kBytesLengthSize = 4;

// INVALID_ARGUMENT unless the bytes are exactly `elements` elements.
absl::Status CheckBytesElements(const void* data, std::size_t byte_size, std::int64_t elements);

// The length that stands at `element`, which has been checked.
std::size_t BytesElementSize(const char* element);

// Bytes that `count` checked elements take, lengths included.
std::size_t BytesElementsSize(const char* first, std::int64_t count);

void AppendBytesElement(const std::string& value, std::string& bytes);

}  // namespace edl
