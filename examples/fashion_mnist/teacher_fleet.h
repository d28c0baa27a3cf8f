// SPDX-License-Identifier: Apache-2.0
// TeacherFleet: edl-teacher processes on this machine that serve one TorchScript file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "edl/testing/teacher_process.h"

namespace fashion_mnist {

class TeacherFleet {
 public:
  // Returns when all of them serve. Throws when one does not.
  TeacherFleet(std::filesystem::path program, std::filesystem::path model, std::size_t teachers);
  ~TeacherFleet();

  const std::vector<std::string>& endpoints() const { return endpoints_; }

  // SIGKILL: no goodbye to anybody.
  void Kill(std::size_t teacher);
  // The same teacher on the same port again; returns when it serves.
  void Restart(std::size_t teacher);

 private:
  void Start(std::size_t teacher, const std::string& port);

  const std::filesystem::path program_;
  const std::filesystem::path model_;
  std::vector<std::unique_ptr<edl::testing::TeacherProcess>> processes_;
  std::vector<std::string> endpoints_;
};

}  // namespace fashion_mnist
