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

// Each is a file of up to trace_max_bytes: a program that makes a reader for every evaluation must not fill the disk.
constexpr int kMostNumbers = 16;

constexpr char kIsPipe[] = "it is a pipe";

// "trace.json", "trace.2.json", …
std::string Numbered(const std::string& path, int number) {
  if (number == 1) return path;
  const std::filesystem::path whole(path);
  const std::string name = absl::StrCat(whole.stem().string(), ".", number, whole.extension().string());
  return (whole.parent_path() / name).string();
}

// Of what a name is for; 0: not known.
mode_t KindOf(int fd) {
  struct stat file {};
  return fstat(fd, &file) == 0 ? file.st_mode & S_IFMT : 0;
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

absl::Status CannotWrite(const std::string& path, const char* why) {
  return absl::InvalidArgumentError(
      absl::StrCat("trace_file is '", path, "', which cannot be written: ", why,
                   "; name a file in a folder that exists and that you may write to, in ReaderOptions::trace_file or ",
                   "EDL_TRACE, or leave both empty"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TraceFile>> TraceFile::Open(const std::string& path) {
  for (int number = 1; number <= kMostNumbers; ++number) {
    const std::string name = Numbered(path, number);
    // At its end: after a part was cut off, too. Without waiting for the reader of a pipe.
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0) return CannotWrite(name, errno == ENXIO ? kIsPipe : std::strerror(errno));
    std::unique_ptr<TraceFile> file(new TraceFile(name, fd));
    const mode_t kind = KindOf(fd);
    // Whoever reads a pipe could stop the reader by not reading, and end the process by closing it.
    if (kind == S_IFIFO || kind == S_IFSOCK) return CannotWrite(name, kIsPipe);
    // A device has neither a length nor an owner: whoever names one shares it knowingly.
    if (kind != S_IFREG) return file;
    if (!IsFree(fd) || !IsNew(name)) continue;
    if (ftruncate(fd, 0) != 0) return CannotWrite(name, std::strerror(errno));
    return file;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("trace_file is '", path, "', and it and the ", kMostNumbers - 1, " names after it are taken"));
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
