// SPDX-License-Identifier: Apache-2.0
// How often either side looks whether its certificates have changed: the shortest that gRPC takes. Costs reading three
// small files.
#pragma once

namespace edl {

inline constexpr unsigned kReloadSeconds = 1;

}  // namespace edl
