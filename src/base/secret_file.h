// SPDX-License-Identifier: Apache-2.0
// SecretFile: the tokens that stand in a file, one a line, read again when the file changes.
// Place: the teacher holds what callers show against all of them, so that an old and a new one hold side by side; the
//        client shows the first.
// Errors: INVALID_ARGUMENT, of Open - no such file, no token, or a line that no HTTP header takes; names file and line,
//         never what stands there. Later, a file that has become wrong is warned of, and the last good tokens stay.
// Thread-safety: any thread.
// Cost: a look at the file once a second at most, by whoever asks.
// Source: RFC 6750 (the letters of a bearer token).
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/mutex.h"

namespace edl {

class SecretFile {
 public:
  using Tokens = std::shared_ptr<const std::vector<std::string>>;

  // Empty lines, and those that begin with '#', are no tokens. `field`: what the user calls the file, for messages. A
  // file that everybody may read is warned of in the log.
  static absl::StatusOr<std::unique_ptr<SecretFile>> Open(const std::string& field, const std::string& file);

  // What Open would say.
  static absl::Status Check(const std::string& field, const std::string& file);

  // One or more.
  Tokens Get() const;

 private:
  // What tells a file from what it was before.
  struct Version {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec changed = {};
    bool operator==(const Version& other) const;
  };

  SecretFile(std::string field, std::string file) : field_(std::move(field)), file_(std::move(file)) {}
  static Version Look(const std::string& file);
  void Reread(const Version& version) const;

  const std::string field_;
  const std::string file_;

  mutable Mutex mu_;
  mutable Tokens tokens_ ABSL_GUARDED_BY(mu_);
  mutable Version version_ ABSL_GUARDED_BY(mu_);
  mutable std::chrono::steady_clock::time_point next_look_ ABSL_GUARDED_BY(mu_);
};

// The first line of a file, whatever is in it; INVALID_ARGUMENT when it cannot be read or is empty.
absl::StatusOr<std::string> ReadSecretLine(const std::string& field, const std::string& file);

}  // namespace edl
