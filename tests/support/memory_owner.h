// SPDX-License-Identifier: Apache-2.0
// MemoryOwner: another process that has created shared memory, and can be killed.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "src/tensor/shared_memory.h"

namespace edl {

class MemoryOwner {
 public:
  explicit MemoryOwner(std::size_t byte_size) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      auto memory = SharedMemory::Create(byte_size);
      const std::string key = memory.ok() ? (*memory)->key() : "";
      if (write(ends[1], key.c_str(), key.size() + 1) < 0) _exit(1);
      while (true) pause();
    }
    close(ends[1]);
    char key[64] = "";
    for (std::size_t at = 0; at < sizeof key && read(ends[0], key + at, 1) == 1 && key[at] != '\0';) ++at;
    close(ends[0]);
    key_ = key;
    EXPECT_NE(key_, "");
  }
  ~MemoryOwner() { Kill(); }

  const std::string& key() const { return key_; }

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  std::string key_;
};

}  // namespace edl
