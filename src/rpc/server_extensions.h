// SPDX-License-Identifier: Apache-2.0
// ServerExtensions: what one client makes use of beyond the protocol, where its server has it.
// Place: a GrpcTeacherClient owns it, its calls use it, its probe says what the server has.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "src/rpc/compressor.h"
#include "src/rpc/extensions.h"
#include "src/rpc/shared_memory_link.h"

namespace edl {

struct ServerExtensions {
  // Null: not wanted, or the server is on another machine.
  std::unique_ptr<SharedMemoryLink> shared_memory;
  // Of one reply; constant, as its channels' limit.
  int max_reply_bytes = 0;
  // Null: nothing is to be compressed.
  std::unique_ptr<Compressor> compressor;

  // Do its replies tell their times? Written by the probe, read by calls; relaxed, for who asks another server in vain
  // only does without.
  mutable std::atomic<bool> tells_times{false};

  // `names`: ServerMetadata.extensions.
  template <typename Names>
  void OnServer(const std::shared_ptr<SharedMemoryLink::Stub>& stub, const Names& names) const {
    auto has = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    if (shared_memory != nullptr) shared_memory->OnServer(stub, has(kSharedMemoryExtension));
    if (compressor != nullptr) compressor->OnServer(has(kCompressionExtension));
    tells_times.store(has(kTimesExtension), std::memory_order_relaxed);
  }
};

}  // namespace edl
