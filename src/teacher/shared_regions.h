// SPDX-License-Identifier: Apache-2.0
// SharedRegions: the pieces of shared memory that students have registered with this server, by their names.
// Place: the protocol's system shared memory extension; a request's tensors may lie in them.
// Rules: a request keeps what it refers to, whatever becomes of the region. Regions whose student died are dropped
//        within some two seconds.
// Errors: FAILED_PRECONDITION - not offered here; ALREADY_EXISTS - the name is taken; NOT_FOUND - no such region;
//         INVALID_ARGUMENT - no name, or a range that is not in it; RESOURCE_EXHAUSTED - too many; and SharedMemory's.
// Thread-safety: any thread.
// Source: Triton's and KServe's system shared memory extension of the Open Inference Protocol.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/mutex.h"
#include "src/base/thread.h"
#include "src/tensor/shared_memory.h"
#include "src/tensor/wire_tensor.h"

namespace edl {

class SharedRegions {
 public:
  static constexpr std::size_t kMost = 4096;

  explicit SharedRegions(bool offered);
  ~SharedRegions();

  bool offered() const { return offered_; }

  absl::Status Register(const std::string& name, const std::string& key, std::uint64_t offset, std::uint64_t byte_size);
  // All of them when the name is empty; one that is not there is no error.
  void Unregister(const std::string& name);

  struct Region {
    std::string name;
    std::string key;
    std::uint64_t offset = 0;
    std::uint64_t byte_size = 0;
  };
  // One, or all when the name is empty.
  absl::StatusOr<std::vector<Region>> List(const std::string& name) const;

  // The bytes that a tensor refers to.
  absl::StatusOr<Fragment> Find(const SharedMemoryRef& ref) const;

  // Room for a tensor to be written. Also FAILED_PRECONDITION - this process may only read that memory.
  struct Room {
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::shared_ptr<const void> owner;
  };
  absl::StatusOr<Room> FindRoom(const SharedMemoryRef& ref) const;

 private:
  struct Entry {
    Region region;
    std::shared_ptr<SharedMemory> memory;
  };

  absl::StatusOr<std::shared_ptr<SharedMemory>> MemoryOf(const SharedMemoryRef& ref) const;
  void Sweep();
  void DropOrphans();

  const bool offered_;
  mutable Mutex mu_;
  CondVar changed_;
  std::map<std::string, Entry> regions_ ABSL_GUARDED_BY(mu_);
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  Thread sweeper_;  // last: it starts when the rest stands
};

}  // namespace edl
