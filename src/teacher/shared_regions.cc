// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/shared_regions.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"

namespace edl {
namespace {

constexpr std::chrono::seconds kSweepEvery{1};

absl::Status NotOffered() {
  return absl::FailedPreconditionError(
      "this teacher takes no shared memory: it listens beyond this machine, and --allow-shared-memory was not given");
}

absl::Status Unknown(const std::string& name) {
  return absl::NotFoundError(absl::StrCat("no shared memory region '", name, "' is registered here"));
}

}  // namespace

SharedRegions::SharedRegions(bool offered) : offered_(offered) {
  if (offered) sweeper_ = Thread("edl-shm-sweep", [this] { Sweep(); });
}

SharedRegions::~SharedRegions() {
  {
    MutexLock lock(mu_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  sweeper_.Join();
}

absl::Status SharedRegions::Register(const std::string& name, const std::string& key, std::uint64_t offset,
                                     std::uint64_t byte_size) {
  if (!offered_) return NotOffered();
  if (name.empty()) return absl::InvalidArgumentError("a shared memory region needs a name");
  EDL_ASSIGN_OR_RETURN(std::shared_ptr<SharedMemory> memory, SharedMemory::Attach(key, offset, byte_size));
  MutexLock lock(mu_);
  if (regions_.size() >= kMost) {
    return absl::ResourceExhaustedError(absl::StrCat("as many shared memory regions as this teacher keeps, ", kMost));
  }
  if (!regions_.emplace(name, Entry{{name, key, offset, byte_size}, std::move(memory)}).second) {
    return absl::AlreadyExistsError(absl::StrCat("a shared memory region '", name, "' is registered already"));
  }
  changed_.NotifyAll();
  return absl::OkStatus();
}

void SharedRegions::Unregister(const std::string& name) {
  std::map<std::string, Entry> dropped;  // unmapped when the lock is gone
  MutexLock lock(mu_);
  if (name.empty()) {
    dropped.swap(regions_);
  } else if (auto found = regions_.find(name); found != regions_.end()) {
    dropped.insert(regions_.extract(found));
  }
}

absl::StatusOr<std::vector<SharedRegions::Region>> SharedRegions::List(const std::string& name) const {
  MutexLock lock(mu_);
  if (!name.empty() && regions_.count(name) == 0) return Unknown(name);
  std::vector<Region> list;
  for (const auto& [its_name, entry] : regions_) {
    if (name.empty() || name == its_name) list.push_back(entry.region);
  }
  return list;
}

// All of `ref` is in it.
absl::StatusOr<std::shared_ptr<SharedMemory>> SharedRegions::MemoryOf(const SharedMemoryRef& ref) const {
  if (!offered_) return NotOffered();
  std::shared_ptr<SharedMemory> memory;
  {
    MutexLock lock(mu_);
    auto found = regions_.find(ref.region);
    if (found == regions_.end()) return Unknown(ref.region);
    memory = found->second.memory;
  }
  std::uint64_t end;
  if (__builtin_add_overflow(ref.offset, ref.byte_size, &end) || end > memory->size()) {
    return absl::InvalidArgumentError(absl::StrCat("shared memory region '", ref.region, "' has ", memory->size(),
                                                   " bytes, not ", ref.byte_size, " from ", ref.offset));
  }
  return memory;
}

absl::StatusOr<Fragment> SharedRegions::Find(const SharedMemoryRef& ref) const {
  EDL_ASSIGN_OR_RETURN(std::shared_ptr<SharedMemory> memory, MemoryOf(ref));
  const std::byte* data = memory->data() + ref.offset;
  return Fragment{data, static_cast<std::size_t>(ref.byte_size), std::move(memory)};
}

absl::StatusOr<SharedRegions::Room> SharedRegions::FindRoom(const SharedMemoryRef& ref) const {
  EDL_ASSIGN_OR_RETURN(std::shared_ptr<SharedMemory> memory, MemoryOf(ref));
  if (!memory->writable()) {
    return absl::FailedPreconditionError(
        absl::StrCat("shared memory region '", ref.region, "' may only be read by this teacher's user"));
  }
  std::byte* data = memory->data() + ref.offset;
  return Room{data, static_cast<std::size_t>(ref.byte_size), std::move(memory)};
}

void SharedRegions::Sweep() {
  while (true) {
    {
      MutexLock lock(mu_);
      while (regions_.empty() && !stopped_) changed_.Wait(mu_);
      const auto next = std::chrono::steady_clock::now() + kSweepEvery;
      while (!stopped_ && std::chrono::steady_clock::now() < next) changed_.WaitUntil(mu_, next);
      if (stopped_) return;
    }
    DropOrphans();
  }
}

// Asking the kernel is not for under the lock, so it works on a copy.
void SharedRegions::DropOrphans() {
  std::map<std::string, Entry> regions;
  {
    MutexLock lock(mu_);
    regions = regions_;
  }
  bool any = false;
  for (const auto& [name, entry] : regions) {
    if (!entry.memory->Orphaned()) continue;
    any = true;
    Log().info("the student that registered shared memory region '{}' is gone", name);
    MutexLock lock(mu_);
    auto found = regions_.find(name);
    if (found != regions_.end() && found->second.memory == entry.memory) regions_.erase(found);
  }
  if (any) SharedMemory::SweepOrphans();
}

}  // namespace edl
