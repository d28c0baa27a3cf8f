// SPDX-License-Identifier: Apache-2.0
#include "examples/fashion_mnist/teacher_fleet.h"

#include <utility>

namespace fashion_mnist {

TeacherFleet::TeacherFleet(std::filesystem::path program, std::filesystem::path model, std::size_t teachers,
                           std::size_t places)
    : program_(std::move(program)),
      model_(std::move(model)),
      redis_(edl::testing::RedisProcess::Start().value()),
      processes_(places),
      endpoints_(places) {
  for (std::size_t t = 0; t < teachers; ++t) Start(t);
}

void TeacherFleet::Start(std::size_t teacher) {
  std::string& endpoint = endpoints_[teacher];
  const std::string port = endpoint.empty() ? "0" : endpoint.substr(endpoint.rfind(':') + 1);
  // One thread each: together with the student they have more work than this machine has cores.
  processes_[teacher] = edl::testing::TeacherProcess::Start(
                            {program_.string(), "--model", model_.string(), "--host", "127.0.0.1", "--port", port,
                             "--threads", "1", "--log-level", "warn", "--redis", redis(), "--service", service()})
                            .value();
  endpoint = processes_[teacher]->endpoint();
}

}  // namespace fashion_mnist
