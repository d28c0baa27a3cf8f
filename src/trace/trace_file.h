// SPDX-License-Identifier: Apache-2.0
// TraceFile: the file that a trace is written to, which is nobody else's while it is.
// Rules: a name that another reader writes to, in this process or another, or that one of this process has written to,
//        is left alone: trace.json becomes trace.2.json, trace.3.json, … to 16. What an earlier process left is
//        overwritten. What is appended is in it as a whole or not at all.
// Errors: Open: INVALID_ARGUMENT - it cannot be written; says why, and what to do. RESOURCE_EXHAUSTED - all 16 names
//         are taken.
// Thread-safety: Open: any thread. The rest: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace edl {

class TraceFile {
 public:
  static absl::StatusOr<std::unique_ptr<TraceFile>> Open(const std::string& path);
  ~TraceFile();
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  const std::string& path() const { return path_; }
  std::size_t size() const { return size_; }

  absl::Status Append(const std::string& bytes);

 private:
  TraceFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  const int fd_;
  std::size_t size_ = 0;
};

}  // namespace edl
