// SPDX-License-Identifier: Apache-2.0
// Program: another program in a process of its own, that a test reads, signals and waits for.
// Lifetime: killed and reaped with this object.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace edl::test {

class Program {
 public:
  // arguments[0] is its path; `environment`: "NAME=value", beside this process's own.
  explicit Program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Reads until it has written that, on either stream; false when it ended without.
  bool ReadUntil(const std::string& text);

  void Signal(int signal);

  // Reads all that it still writes. Its exit status, or -N when signal N ended it.
  int Wait();

  // All that was read, of both streams.
  const std::string& output() const { return output_; }

 private:
  bool Read();

  int pipe_ = -1;
  pid_t pid_ = -1;
  std::string output_;
};

}  // namespace edl::test
