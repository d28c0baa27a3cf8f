// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/pushback.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"

namespace edl {
namespace {

std::optional<std::int64_t> ParseMilliseconds(absl::string_view value) {
  std::int64_t number;
  if (!absl::SimpleAtoi(value, &number) || number < 0) return std::nullopt;
  return number;
}

}  // namespace

absl::Status WithPushback(absl::Status status, absl::string_view value) {
  if (ParseMilliseconds(value)) status.SetPayload(kPushbackMetadata, absl::Cord(value));
  return status;
}

std::optional<std::chrono::milliseconds> PushbackOf(const absl::Status& status) {
  auto payload = status.GetPayload(kPushbackMetadata);
  if (!payload) return std::nullopt;
  std::optional<std::int64_t> number = ParseMilliseconds(std::string(*payload));
  if (!number) return std::nullopt;
  constexpr std::chrono::milliseconds kMost = kLongestPushback;
  return std::chrono::milliseconds(std::min<std::int64_t>(*number, kMost.count()));
}

}  // namespace edl
