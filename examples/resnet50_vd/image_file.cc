// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/image_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

// The largest images of ImageNet have 20 MB.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 28;

class Descriptor {
 public:
  // Not blocking: opening a pipe that nobody writes to would wait for ever.
  explicit Descriptor(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  const int number_;
};

absl::Status CheckStat(const struct stat& stat) {
  if (S_ISDIR(stat.st_mode)) return absl::InvalidArgumentError("is a folder; expected an image file");
  if (!S_ISREG(stat.st_mode)) return absl::InvalidArgumentError("is no regular file; expected an image file");
  if (stat.st_size == 0) return absl::InvalidArgumentError("is empty (0 bytes); expected a JPEG or PNG image");
  if (stat.st_size <= kMostBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("has ", stat.st_size, " bytes; expected an image of at most ", kMostBytes));
}

}  // namespace

absl::Status ReadFile(const std::string& path, std::vector<std::uint8_t>& bytes) {
  const Descriptor file(path);
  if (file.number() < 0) return absl::ErrnoToStatus(errno, "cannot be opened");
  struct stat stat;
  if (fstat(file.number(), &stat) != 0) return absl::ErrnoToStatus(errno, "cannot be looked at");
  const absl::Status fits = CheckStat(stat);
  if (!fits.ok()) return fits;
  bytes.resize(static_cast<std::size_t>(stat.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(file.number(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot be read");
    if (got == 0) return absl::DataLossError("became shorter while it was read");
    done += static_cast<std::size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace resnet
