// SPDX-License-Identifier: Apache-2.0
#include "src/tensor/shared_memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/status.h"

namespace edl {
namespace {

constexpr char kPrefix[] = "/edl-";
constexpr char kFolder[] = "/dev/shm";  // where Linux keeps what shm_open opens

std::string NewKey() {
  std::random_device random;
  return absl::StrCat(kPrefix, absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8),
                      absl::Hex(random(), absl::kZeroPad8), absl::Hex(random(), absl::kZeroPad8));
}

absl::Status CheckKey(const std::string& key) {
  const std::string name = key.substr(absl::StartsWith(key, "/") ? 1 : 0);
  constexpr std::size_t kLongest = 255;  // NAME_MAX
  const bool fits =
      !name.empty() && name.size() <= kLongest && name != "." && name != ".." &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c < 127 && c != '/'; });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError("a key of shared memory is a name of up to 255 characters, without blanks or '/'");
}

bool LockIsFree(int file) {
  if (flock(file, LOCK_SH | LOCK_NB) != 0) return false;
  flock(file, LOCK_UN);
  return true;
}

bool IsLinked(int file) {
  struct stat status;
  return fstat(file, &status) == 0 && status.st_nlink > 0;
}

// Opened and locked; a sweep may have taken it for an orphan before it was locked, and then it is made again.
absl::StatusOr<std::pair<std::string, int>> CreateLocked() {
  while (true) {
    const std::string key = NewKey();
    const int file = shm_open(key.c_str(), O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (file < 0) return absl::UnavailableError(absl::StrCat("no shared memory: ", std::strerror(errno)));
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && IsLinked(file)) return std::make_pair(key, file);
    close(file);
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<SharedMemory>> SharedMemory::Create(std::size_t byte_size) {
  SweepOrphans();
  EDL_ASSIGN_OR_RETURN(auto created, CreateLocked());
  std::shared_ptr<SharedMemory> memory(new SharedMemory(created.first, created.second));
  memory->linked_ = true;
  const int refused = byte_size == 0 ? EINVAL : posix_fallocate(memory->file_, 0, static_cast<off_t>(byte_size));
  if (refused != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot set aside ", byte_size, " bytes of shared memory: ", std::strerror(refused)));
  }
  EDL_RETURN_IF_ERROR(memory->Map(0, byte_size));
  return memory;
}

absl::StatusOr<std::shared_ptr<SharedMemory>> SharedMemory::Attach(const std::string& key, std::uint64_t offset,
                                                                   std::uint64_t byte_size) {
  EDL_RETURN_IF_ERROR(CheckKey(key));
  int file = shm_open(key.c_str(), O_RDWR, 0);
  const bool writable = file >= 0;
  if (!writable) file = shm_open(key.c_str(), O_RDONLY, 0);
  if (file < 0) return absl::NotFoundError(absl::StrCat("no shared memory under '", key, "': ", std::strerror(errno)));
  std::shared_ptr<SharedMemory> memory(new SharedMemory(key, file));
  memory->writable_ = writable;
  struct stat status;
  std::uint64_t end;
  if (fstat(file, &status) != 0 || __builtin_add_overflow(offset, byte_size, &end) || byte_size == 0 ||
      end > static_cast<std::uint64_t>(status.st_size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("shared memory '", key, "' holds ", status.st_size, " bytes, not ", byte_size, " from ", offset));
  }
  EDL_RETURN_IF_ERROR(memory->Map(offset, byte_size));
  return memory;
}

absl::Status SharedMemory::Map(std::uint64_t offset, std::size_t byte_size) {
  const std::uint64_t lead = offset % static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  void* mapping = mmap(nullptr, byte_size + lead, PROT_READ | (writable_ ? PROT_WRITE : 0), MAP_SHARED, file_,
                       static_cast<off_t>(offset - lead));
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot map ", byte_size, " bytes of shared memory: ", std::strerror(errno)));
  }
  mapping_ = mapping;
  mapping_size_ = byte_size + lead;
  data_ = static_cast<std::byte*>(mapping) + lead;
  size_ = byte_size;
  return absl::OkStatus();
}

SharedMemory::~SharedMemory() {
  Unlink();
  if (mapping_ != nullptr) munmap(mapping_, mapping_size_);
  close(file_);
}

void SharedMemory::Unlink() {
  if (std::exchange(linked_, false)) shm_unlink(key_.c_str());
}

bool SharedMemory::Orphaned() const {
  return absl::StartsWith(key_, kPrefix) && LockIsFree(file_);
}

void SharedMemory::SweepOrphans() {
  DIR* folder = opendir(kFolder);
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    const std::string key = absl::StrCat("/", entry->d_name);
    if (!absl::StartsWith(key, kPrefix)) continue;
    const int file = shm_open(key.c_str(), O_RDWR, 0);
    if (file < 0) continue;  // another user's
    if (flock(file, LOCK_EX | LOCK_NB) == 0) shm_unlink(key.c_str());
    close(file);
  }
  closedir(folder);
}

}  // namespace edl
