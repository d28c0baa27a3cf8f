// SPDX-License-Identifier: Apache-2.0
// Extensions: what a server may have beyond the protocol, by the names in ServerMetadata.
// Source: Open Inference Protocol, extensions.
#pragma once

namespace edl {

// SystemSharedMemoryRegister, …Unregister, …Status, and tensors that lie in what they registered.
inline constexpr char kSharedMemoryExtension[] = "system_shared_memory";

// FP32 inputs that come as FP16, BF16 or UINT8; outputs asked for in FP16, or as the highest scores alone. Ours; the
// parameters stand in proto/inference.proto.
inline constexpr char kCompressionExtension[] = "edl_compression";

// ModelStatistics.
inline constexpr char kStatisticsExtension[] = "statistics";

// Replies that say, if asked, how long their request waited and computed. Ours; proto/inference.proto.
inline constexpr char kTimesExtension[] = "edl_times";

}  // namespace edl
