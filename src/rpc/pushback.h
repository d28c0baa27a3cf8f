// SPDX-License-Identifier: Apache-2.0
// Pushback: a server's word, with a failed call, on how long it wants to be left alone. Travels inside the status.
// Source: gRPC's retry design (gRFC A6): the trailing metadata `grpc-retry-pushback-ms`.
#pragma once

#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace edl {

inline constexpr char kPushbackMetadata[] = "grpc-retry-pushback-ms";

// `status` with the metadata's value; as it is when that is no number of milliseconds, 0 or more. (A negative one asks
// not to be sent this call again, which dispatch avoids in any case.)
absl::Status WithPushback(absl::Status status, absl::string_view value);

// At most kLongestPushback: a mistaken server must not be lost for ever.
std::optional<std::chrono::milliseconds> PushbackOf(const absl::Status& status);
inline constexpr std::chrono::minutes kLongestPushback{5};

}  // namespace edl
