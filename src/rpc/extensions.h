// SPDX-License-Identifier: Apache-2.0
// Extensions: what a server may have beyond the protocol, by the names in ServerMetadata.
// Source: Open Inference Protocol, extensions.
#pragma once

namespace edl {

// SystemSharedMemoryRegister, …Unregister, …Status, and tensors that lie in what they registered.
inline constexpr char kSharedMemoryExtension[] = "system_shared_memory";

}  // namespace edl
