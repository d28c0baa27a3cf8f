// SPDX-License-Identifier: Apache-2.0
#include "bench/fleet_process.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "edl/model.h"
#include "src/teacher/server.h"

namespace edl::bench {
namespace {

class EchoModel final : public Model {
 public:
  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) override { return inputs; }

 private:
  const ModelInfo info_{"echo", "1", "bench", {{"x", DType::kInt64, {-1, 1}}}, {{"y", DType::kInt64, {-1, 1}}}};
};

}  // namespace

FleetProcess::FleetProcess(int teachers) {
  char list[] = "/tmp/edl-bench-XXXXXX";
  const int file = mkstemp(list);
  if (file < 0) std::abort();
  close(file);
  process_ = testing::TeacherProcess::Start(
                 {"/proc/self/exe", "serve", "--teachers", std::to_string(teachers), "--list", list})
                 .value();
  std::ifstream lines(list);
  for (std::string line; std::getline(lines, line);) endpoints_.push_back(line);
  unlink(list);
  if (static_cast<int>(endpoints_.size()) != teachers) std::abort();
}

void ServeFleet(int teachers, const std::string& list) {
  std::vector<std::unique_ptr<TeacherServer>> servers;
  std::ofstream lines(list);
  for (int t = 0; t < teachers; ++t) {
    servers.push_back(TeacherServer::Start({}, std::make_unique<EchoModel>()).value());
    lines << servers.back()->endpoint() << "\n";
  }
  lines.close();
  std::printf("serving echo at %s\n", servers.front()->endpoint().c_str());
  std::fflush(stdout);
  while (true) pause();
}

}  // namespace edl::bench
