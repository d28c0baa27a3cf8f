// SPDX-License-Identifier: Apache-2.0
// Promtool: what Prometheus' own checker says. Package prometheus.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/program.h"
#include "tests/support/scratch_folder.h"

namespace edl::test {

// Empty when there is nothing to complain of.
inline std::string CheckMetrics(const std::string& page) {
  ScratchFolder folder;
  folder.Write("metrics", page);
  Program promtool({"/bin/sh", "-c", "exec promtool check metrics < " + (folder.path() / "metrics").string()});
  const int status = promtool.Wait();
  return status == 0 && promtool.output().empty() ? "" : promtool.output() + "status " + std::to_string(status);
}

inline std::string CheckRules(const std::filesystem::path& file) {
  Program promtool({"/bin/sh", "-c", "exec promtool check rules " + file.string()});
  return promtool.Wait() == 0 ? "" : promtool.output();
}

// `file`: series, and the alerts that they are to bring about.
inline std::string TestRules(const std::filesystem::path& file) {
  Program promtool({"/bin/sh", "-c", "exec promtool test rules " + file.string()});
  return promtool.Wait() == 0 ? "" : promtool.output();
}

}  // namespace edl::test
