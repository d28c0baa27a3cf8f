// SPDX-License-Identifier: Apache-2.0
// Tmux: a real terminal of a chosen size with a program in it, whose keys a test presses and whose screen it reads.
// Thread-safety: one thread at a time.
// Lifetime: the program and its terminal go with this object.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/redis_process.h"

namespace edl::test {

class Tmux {
 public:
  // `command`: for a shell. What it ends with is shown after it, as "ended with N".
  Tmux(const std::string& command, int width, int height) {
    Run("new-session -d -x " + std::to_string(width) + " -y " + std::to_string(height) + " \"LC_ALL=C.UTF-8 " +
        command + "; echo ended with \\$?; read wait\"");
  }
  ~Tmux() { Run("kill-server"); }
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;

  // In tmux' words: "q", "Enter", "Down", "C-c".
  void Press(const std::string& keys) { Run("send-keys " + keys); }
  void Resize(int width, int height) {
    Run("resize-window -x " + std::to_string(width) + " -y " + std::to_string(height));
  }
  std::string Text() { return Run("capture-pane -p"); }

  // Waits until the screen holds that text.
  void Await(const std::string& text) {
    std::string screen;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while ((screen = Text()).find(text) == std::string::npos) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "no '" << text << "' on the screen:\n" << screen;
      usleep(20'000);
    }
  }

 private:
  std::string Run(const std::string& arguments) {
    FILE* pipe = popen(("tmux -u -L " + name_ + " -f /dev/null " + arguments + " 2>&1").c_str(), "r");
    std::string text;
    char part[4096];
    while (std::size_t got = std::fread(part, 1, sizeof part, pipe)) text.append(part, got);
    pclose(pipe);
    return text;
  }

  static std::string NewName() {
    static int count = 0;
    return "edl-test-" + std::to_string(getpid()) + "-" + std::to_string(++count);
  }

  const std::string name_ = NewName();  // of a tmux server of its own
};

}  // namespace edl::test
