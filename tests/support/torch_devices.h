// SPDX-License-Identifier: Apache-2.0
// TorchDevices: the kinds of device that libtorch finds on this machine, for tests that must pass on each.
#pragma once

#include <torch/cuda.h>

#include <string>
#include <vector>

namespace edl::test {

inline std::vector<std::string> TorchDevices() {
  std::vector<std::string> devices = {"cpu"};
  if (torch::cuda::is_available()) devices.emplace_back("cuda");
  return devices;
}

}  // namespace edl::test
