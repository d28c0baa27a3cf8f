// SPDX-License-Identifier: Apache-2.0
// linear_teacher: the tests' teacher (tests/support/rows.h) in a process of its own, without libtorch.
// Usage: linear_teacher PORT DELAY_MICROSECONDS
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "src/teacher/server.h"
#include "tests/support/function_model.h"
#include "tests/support/rows.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  sigprocmask(SIG_BLOCK, &terminate, nullptr);  // before any thread exists, so that only sigwait gets it

  const std::chrono::microseconds delay(std::atoll(argv[2]));
  auto model = std::make_unique<edl::FunctionModel>(edl::test::RowModel(), [delay](const auto& inputs) {
    const timespec time{delay.count() / 1'000'000, delay.count() % 1'000'000 * 1000};
    nanosleep(&time, nullptr);  // the model computes
    return edl::test::ScoreRows(inputs);
  });
  edl::TeacherServerOptions options;
  options.listen = {std::string("127.0.0.1:") + argv[1]};
  auto server = edl::TeacherServer::Start(options, std::move(model));
  if (!server.ok()) {
    std::printf("%s\n", server.status().ToString().c_str());
    return 1;
  }
  std::printf("serving rows at %s\n", (*server)->endpoint().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&terminate, &signal);
  return (*server)->Drain(std::chrono::seconds(30)).ok() ? 0 : 1;
}
