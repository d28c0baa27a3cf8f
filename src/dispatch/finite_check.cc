// SPDX-License-Identifier: Apache-2.0
#include "src/dispatch/finite_check.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace edl {
namespace {

template <typename Word>
bool IsFinite(const std::byte* at, Word exponent) {
  Word word;
  std::memcpy(&word, at, sizeof(Word));  // fragments begin anywhere
  return (word & exponent) != exponent;
}

// The first of `count` elements that is not finite, or `count`. Blocks are looked at without a branch for each element.
template <typename Word>
std::size_t FindNotFinite(const std::byte* data, std::size_t count, Word exponent) {
  constexpr std::size_t kBlock = 1024;
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, count);
    bool finite = true;
    for (std::size_t i = begin; i < end; ++i) finite &= IsFinite(data + i * sizeof(Word), exponent);
    for (std::size_t i = begin; !finite && i < end; ++i) {
      if (!IsFinite(data + i * sizeof(Word), exponent)) return i;
    }
  }
  return count;
}

// One element may lie in several fragments: its bytes are gathered in `split`.
template <typename Word>
absl::Status Check(const WireTensor& tensor, Word exponent) {
  auto found = [&](std::size_t element) {
    return absl::DataLossError(
        absl::StrCat(tensor.spec.ToString(), ": element ", element, " is infinite or not a number"));
  };
  std::size_t element = 0;
  std::byte split[sizeof(Word)];
  std::size_t in_split = 0;
  for (const Fragment& fragment : tensor.fragments) {
    const auto* data = static_cast<const std::byte*>(fragment.data);
    std::size_t left = fragment.size;
    while (left > 0 && in_split > 0) {
      split[in_split++] = *data++;
      --left;
      if (in_split < sizeof(Word)) continue;
      if (!IsFinite(split, exponent)) return found(element);
      ++element;
      in_split = 0;
    }
    const std::size_t whole = left / sizeof(Word);
    if (std::size_t at = FindNotFinite(data, whole, exponent); at < whole) return found(element + at);
    element += whole;
    left -= whole * sizeof(Word);
    for (data += whole * sizeof(Word); left > 0; --left) split[in_split++] = *data++;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFinite(const WireTensor& tensor) {
  switch (tensor.spec.dtype) {
    case DType::kFp16:
      return Check<std::uint16_t>(tensor, 0x7c00);
    case DType::kBf16:
      return Check<std::uint16_t>(tensor, 0x7f80);
    case DType::kFp32:
      return Check<std::uint32_t>(tensor, 0x7f80'0000);
    case DType::kFp64:
      return Check<std::uint64_t>(tensor, 0x7ff0'0000'0000'0000);
    default:
      return absl::OkStatus();
  }
}

}  // namespace edl
