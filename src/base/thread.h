// SPDX-License-Identifier: Apache-2.0
// Thread: a named thread that is joined when its owner lets go of it.
// Errors: an exception that leaves `body` is logged; it does not end the process.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace edl {

class Thread {
 public:
  Thread() = default;
  // `name` is what ps and debuggers show; Linux keeps its first 15 characters.
  Thread(const std::string& name, std::function<void()> body);
  ~Thread() { Join(); }
  Thread(Thread&&) = default;
  Thread& operator=(Thread&&) = default;

  void Join();

 private:
  std::thread thread_;
};

}  // namespace edl
