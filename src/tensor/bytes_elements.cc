// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/bytes_elements.h"

#include "absl/strings/str_cat.h"

namespace edl {

absl::Status CheckBytesElements(const void* data, std::size_t byte_size, std::int64_t elements) {
  const char* at = static_cast<const char*>(data);
  std::size_t left = byte_size;
  for (std::int64_t i = 0; i < elements; ++i) {
    if (left < kBytesLengthSize || left - kBytesLengthSize < BytesElementSize(at)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the bytes end inside element ", i, " of ", elements, " (", byte_size, " bytes in all)"));
    }
    std::size_t size = kBytesLengthSize + BytesElementSize(at);
    at += size;
    left -= size;
  }
  if (left == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(left, " bytes are left over after ", elements, " elements"));
}

std::size_t BytesElementSize(const char* element) {
  const auto* b = reinterpret_cast<const unsigned char*>(element);
  return b[0] | b[1] << 8 | b[2] << 16 | static_cast<std::size_t>(b[3]) << 24;
}

std::size_t BytesElementsSize(const char* first, std::int64_t count) {
  const char* at = first;
  for (; count > 0; --count) at += kBytesLengthSize + BytesElementSize(at);
  return static_cast<std::size_t>(at - first);
}

void AppendBytesElement(const std::string& value, std::string& bytes) {
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(value.size() >> shift));
  bytes += value;
}

}  // namespace edl
