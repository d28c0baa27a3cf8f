// SPDX-License-Identifier: Apache-2.0
// TeacherFleet: a redis-server, and edl-teacher processes that register there and serve one TorchScript file.
// Thread-safety: calls for different teachers, from any threads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "edl/testing/redis_process.h"
#include "edl/testing/teacher_process.h"

namespace fashion_mnist {

class TeacherFleet {
 public:
  // Returns when `teachers` of them serve; as many as `places` may join. Throws when one cannot be started.
  TeacherFleet(std::filesystem::path program, std::filesystem::path model, std::size_t teachers, std::size_t places);

  // Where students look for them.
  const std::string& redis() const { return redis_->url(); }
  static const char* service() { return "fashion_mnist"; }

  // "127.0.0.1:43210"; empty: it never served.
  const std::string& endpoint(std::size_t teacher) const { return endpoints_[teacher]; }

  // SIGKILL: no goodbye to anybody.
  void Kill(std::size_t teacher) { processes_[teacher]->Kill(); }

  // Returns when it serves, on the port that it had before if it had one.
  void Start(std::size_t teacher);

 private:
  const std::filesystem::path program_;
  const std::filesystem::path model_;
  const std::unique_ptr<edl::testing::RedisProcess> redis_;
  std::vector<std::unique_ptr<edl::testing::TeacherProcess>> processes_;  // one a place
  std::vector<std::string> endpoints_;
};

}  // namespace fashion_mnist
