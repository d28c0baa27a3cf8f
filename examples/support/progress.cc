// SPDX-License-Identifier: Apache-2.0
#include "examples/support/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace edl_examples {

Progress::Progress(std::string what, std::int64_t total, std::string unit, std::int64_t done)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDOUT_FILENO) == 1),
      begin_(std::chrono::steady_clock::now()),
      done_(done) {
  if (terminal_) Draw("");
}

Progress::~Progress() {
  if (terminal_) Draw("\n");
}

bool Progress::IsDue() const {
  const std::int64_t percent = 100 * done_ / total_;
  return terminal_ ? percent != percent_drawn_ : percent / 25 != percent_drawn_ / 25;
}

void Progress::Advance() {
  ++done_;
  if (IsDue()) Draw(terminal_ ? "" : "\n");
}

void Progress::Say(const std::string& line) {
  std::printf("%s  %s\n", terminal_ ? "\r\033[K" : "", line.c_str());
  if (terminal_) Draw("");
  std::fflush(stdout);
}

void Progress::Draw(const char* end) {
  constexpr int kWidth = 24;
  percent_drawn_ = 100 * done_ / total_;
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  const int filled = static_cast<int>(kWidth * done_ / total_);
  std::printf("%s  %-44s [%s%s] %3lld %%  %s %lld of %lld, %.0f s%s", terminal_ ? "\r\033[K" : "", what_.c_str(),
              std::string(static_cast<std::size_t>(filled), '#').c_str(),
              std::string(static_cast<std::size_t>(kWidth - filled), '.').c_str(),
              static_cast<long long>(percent_drawn_), unit_.c_str(), static_cast<long long>(done_),
              static_cast<long long>(total_), seconds, end);
  std::fflush(stdout);
}

}  // namespace edl_examples
