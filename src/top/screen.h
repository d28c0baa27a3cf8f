// SPDX-License-Identifier: Apache-2.0
// Screen: the terminal, through ncurses: draws frames, and says which keys are pressed.
// Rules: colours only when the terminal has them and NO_COLOR is not set. The terminal is as before when it is gone.
// Errors: Open: FAILED_PRECONDITION - standard input or output is no terminal, or one that ncurses does not know.
// Thread-safety: one thread; one Screen a process at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "src/top/fleet_view.h"

namespace edl {

class Screen {
 public:
  static absl::StatusOr<std::unique_ptr<Screen>> Open();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  int width() const;
  int height() const;
  void Draw(const std::vector<FrameLine>& frame);

  struct Event {
    bool resized = false;
    std::optional<KeyPress> press;
    bool ended = false;  // the terminal is gone
  };
  // Nothing when none came in time.
  Event Await(std::chrono::milliseconds time);

 private:
  explicit Screen(void* terminal) : terminal_(terminal) {}

  void* const terminal_;  // ncurses' SCREEN
  bool colours_ = false;
};

}  // namespace edl
