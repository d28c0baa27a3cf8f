// SPDX-License-Identifier: Apache-2.0
// SaveScript: small TorchScript files for tests, written from C++.
#pragma once

#include <torch/script.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "gtest/gtest.h"

namespace edl::test {

// A module in training mode with one buffer, `weight` (2.0), and `forward` as its source says. Gives the file's path,
// another at each call.
inline std::string SaveScript(const std::string& forward) {
  static std::atomic<int> count{0};
  torch::jit::Module module("test_model");
  module.register_buffer("weight", torch::tensor(2.0F));
  module.register_attribute("training", c10::BoolType::get(), true);
  module.define(forward);
  std::string file =
      ::testing::TempDir() + "/edl_script_" + std::to_string(getpid()) + "_" + std::to_string(++count) + ".pt";
  module.save(file);
  return file;
}

}  // namespace edl::test
