// SPDX-License-Identifier: Apache-2.0
// FakeTeacher: a teacher whose model is a function, in this process, behind the real server on a real socket.
// Place: for tests and examples of code that distils, where a real model would only cost time.
// Errors: the function's status or exception becomes the reply of that request.
// Thread-safety: any thread. The function is called by `instances` threads at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/model.h"

namespace edl::testing {

struct FakeTeacherOptions {
  // Where to listen; port 0 takes a free one. "unix:/path" is served too.
  std::string listen = "127.0.0.1:0";
  // Requests computed at a time.
  int instances = 1;
  std::int64_t max_batch_rows = 1 << 20;
  // How long the model seems to compute for a request, beside the function's own time. Null: not at all.
  std::function<std::chrono::microseconds(const std::vector<Tensor>& inputs)> delay;
};

class FakeTeacher {
 public:
  using Function = std::function<absl::StatusOr<std::vector<Tensor>>(const std::vector<Tensor>& inputs)>;

  // Serves when it returns. UNAVAILABLE when the address cannot be had.
  static absl::StatusOr<std::unique_ptr<FakeTeacher>> Start(ModelInfo info, Function function,
                                                            FakeTeacherOptions options = {});
  // Stops at once: requests that have not been answered fail with UNAVAILABLE or CANCELLED, as with a killed process.
  virtual ~FakeTeacher() = default;

  // "127.0.0.1:43210"
  virtual const std::string& endpoint() const = 0;

  // ModelInfer calls that reached the function, and rows in them, since the start.
  virtual std::int64_t calls() const = 0;
  virtual std::int64_t rows() const = 0;

  // Calls that it took, whatever became of them; of those, the ones that were cancelled before the function saw them.
  virtual std::int64_t accepted() const = 0;
  virtual std::int64_t cancelled() const = 0;
};

}  // namespace edl::testing
