// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/teacher_fleet.h"

#include <utility>

namespace fashion_mnist {

TeacherFleet::TeacherFleet(std::filesystem::path program, std::filesystem::path model, std::size_t teachers)
    : program_(std::move(program)), model_(std::move(model)), processes_(teachers), endpoints_(teachers) {
  for (std::size_t t = 0; t < teachers; ++t) Start(t, "0");
}

TeacherFleet::~TeacherFleet() = default;

void TeacherFleet::Start(std::size_t teacher, const std::string& port) {
  // One thread each: together with the student they have more work than this machine has cores.
  processes_[teacher] =
      edl::testing::TeacherProcess::Start({program_.string(), "--model", model_.string(), "--host", "127.0.0.1",
                                           "--port", port, "--threads", "1", "--log-level", "warn"})
          .value();
  endpoints_[teacher] = processes_[teacher]->endpoint();
}

void TeacherFleet::Kill(std::size_t teacher) {
  processes_[teacher]->Kill();
}

void TeacherFleet::Restart(std::size_t teacher) {
  const std::string endpoint = endpoints_[teacher];
  Start(teacher, endpoint.substr(endpoint.rfind(':') + 1));
}

}  // namespace fashion_mnist
