// SPDX-License-Identifier: Apache-2.0
#include "src/trace/trace_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "src/base/mutex.h"

namespace edl {
namespace {

constexpr int kMostNumbers = 1000;

// "trace.json", "trace.2.json", …
std::string Numbered(const std::string& path, int number) {
  if (number == 1) return path;
  const std::filesystem::path whole(path);
  const std::string name = absl::StrCat(whole.stem().string(), ".", number, whole.extension().string());
  return (whole.parent_path() / name).string();
}

// Devices and pipes have neither a length nor an owner: whoever names one shares it knowingly.
bool IsRegular(int fd) {
  struct stat file {};
  return fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

// A lock, not a list of what is open: several ranks of a training, started from one shell, share EDL_TRACE. Where a
// file system has no locks, all go on.
bool IsFree(int fd) {
  return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

// True once for each path in this process: a reader does not write over what one before it has recorded.
bool IsNew(const std::string& path) {
  static Mutex mu;
  static auto& used = *new std::set<std::filesystem::path>();
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  MutexLock lock(mu);
  return used.insert((error ? std::filesystem::path(path) : absolute).lexically_normal()).second;
}

absl::Status CannotWrite(const std::string& path, int error) {
  return absl::InvalidArgumentError(
      absl::StrCat("trace_file is '", path, "', which cannot be written: ", std::strerror(error),
                   "; name a file in a folder that exists and that you may write to, in ReaderOptions::trace_file or ",
                   "EDL_TRACE, or leave both empty"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TraceFile>> TraceFile::Open(const std::string& path) {
  for (int number = 1; number <= kMostNumbers; ++number) {
    const std::string name = Numbered(path, number);
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return CannotWrite(name, errno);
    std::unique_ptr<TraceFile> file(new TraceFile(name, fd));
    if (!IsRegular(fd)) return file;
    if (!IsFree(fd) || !IsNew(name)) continue;
    if (ftruncate(fd, 0) != 0) return CannotWrite(name, errno);
    return file;
  }
  return absl::InvalidArgumentError(absl::StrCat("trace_file is '", path, "', and it and the ", kMostNumbers - 1,
                                                 " names after it are in use; name another"));
}

TraceFile::~TraceFile() {
  close(fd_);
}

absl::Status TraceFile::Append(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      [[maybe_unused]] const int cut = ftruncate(fd_, static_cast<off_t>(size_));
      return absl::UnavailableError(absl::StrCat("'", path_, "' cannot be written: ", std::strerror(error)));
    }
    done += static_cast<std::size_t>(n);
  }
  size_ += bytes.size();
  return absl::OkStatus();
}

}  // namespace edl
