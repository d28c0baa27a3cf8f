// SPDX-License-Identifier: Apache-2.0
// SharedMemory: memory that another process on this machine can map, by its key.
// Place: a student's staging slots and arena, which it creates; a teacher's view of them, which it attaches to.
// Rules: a key goes away with its creator: by the destructor, or, when that process was killed, by whoever sweeps
//        next. Whether the creator lives shows in a lock on the file, which the kernel drops with it.
// Errors: RESOURCE_EXHAUSTED - no room for it (all of it is set aside at once: a touch never ends in SIGBUS);
//         UNAVAILABLE - this system has none; NOT_FOUND - nothing under that key, or not for this user;
//         INVALID_ARGUMENT - no key, or the range is not in it.
// Thread-safety: constant but for Unlink: one thread at a time.
// Lifetime: the mapping lives as long as the object, whatever happens to the key. Who attaches trusts the creator not
//           to shrink the file under it, which would end this process with SIGBUS.
// Source: shm_overview(7), flock(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace edl {

class SharedMemory {
 public:
  // Zeroed, under a key that nobody can guess; readable and writable by this user's processes. Sweeps first.
  static absl::StatusOr<std::shared_ptr<SharedMemory>> Create(std::size_t byte_size);

  // Bytes [offset, offset + byte_size) of what another process created under `key`.
  static absl::StatusOr<std::shared_ptr<SharedMemory>> Attach(const std::string& key, std::uint64_t offset,
                                                              std::uint64_t byte_size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // "/edl-5f2e…"
  const std::string& key() const { return key_; }
  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool writable() const { return writable_; }

  // Nobody can attach to it any more; those who have keep it.
  void Unlink();

  // It was made by Create in a process, or by an object, that is no more. False for memory that others made by
  // themselves: nobody knows.
  bool Orphaned() const;

  // Unlinks what processes of this user that were killed have left.
  static void SweepOrphans();

 private:
  SharedMemory(std::string key, int file) : key_(std::move(key)), file_(file) {}
  absl::Status Map(std::uint64_t offset, std::size_t byte_size);

  const std::string key_;
  const int file_;  // open as long as this lives: the creator's holds the lock
  bool linked_ = false;
  bool writable_ = true;
  void* mapping_ = nullptr;
  std::size_t mapping_size_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace edl
