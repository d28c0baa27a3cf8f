// SPDX-License-Identifier: Apache-2.0
// Progress: a bar on a terminal, a line now and then elsewhere. (Debian 12 packages no progress bar for C++.)
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace edl_examples {

class Progress {
 public:
  // `unit`: "epoch", "batch". `done`: so many were done before.
  Progress(std::string what, std::int64_t total, std::string unit, std::int64_t done = 0);
  ~Progress();  // Ends the line.
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // One more is done.
  void Advance();
  // A line of its own above the bar.
  void Say(const std::string& line);

 private:
  void Draw(const char* end);
  bool IsDue() const;

  const std::string what_;
  const std::string unit_;
  const std::int64_t total_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point begin_;
  std::int64_t done_;
  std::int64_t percent_drawn_ = -1;
};

}  // namespace edl_examples
