// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/replace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace resnet {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& file, int error) {
  throw std::runtime_error(absl::StrCat("cannot write '", file.string(), "': ", std::strerror(error)));
}

// To the disk: a rename may reach it before what it names.
void Sync(const std::string& temporary, const std::filesystem::path& file) {
  const int descriptor = open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) Fail(file, errno);
  const int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (error != 0) Fail(file, error);
}

class TemporaryFile {
 public:
  // Made at once, so that a folder that is missing or closed is found before the work is done.
  explicit TemporaryFile(const std::filesystem::path& file)
      : name_(absl::StrCat(file.string(), ".", getpid(), ".tmp")) {
    const int descriptor = open(name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) Fail(file, errno);
    close(descriptor);
  }
  ~TemporaryFile() { unlink(name_.c_str()); }  // nothing is there any more once it was renamed
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& name() const { return name_; }

 private:
  const std::string name_;
};

}  // namespace

void ReplaceFile(const std::filesystem::path& file, const std::function<void(const std::string& temporary)>& write) {
  const TemporaryFile temporary(file);
  write(temporary.name());
  Sync(temporary.name(), file);
  if (std::rename(temporary.name().c_str(), file.c_str()) != 0) Fail(file, errno);
}

}  // namespace resnet
