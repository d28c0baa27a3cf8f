// SPDX-License-Identifier: Apache-2.0
// linear_teacher: the tests' teacher (tests/support/rows.h) in a process of its own, without libtorch.
// Usage: linear_teacher PORT DELAY_MICROSECONDS [VERSION]
//   VERSION   of the model, 1 by default; any other is another model, whose soft labels are other ones
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "src/teacher/server.h"
#include "tests/support/function_model.h"
#include "tests/support/rows.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  sigprocmask(SIG_BLOCK, &terminate, nullptr);  // before any thread exists, so that only sigwait gets it

  const std::chrono::microseconds delay(std::atoll(argv[2]));
  edl::ModelInfo info = edl::test::RowModel();
  if (argc == 4) info.version = argv[3];
  const bool other = info.version != "1";
  auto model = std::make_unique<edl::FunctionModel>(info, [delay, other](const std::vector<edl::Tensor>& inputs) {
    const timespec time{delay.count() / 1'000'000, delay.count() % 1'000'000 * 1000};
    nanosleep(&time, nullptr);  // the model computes
    const std::int64_t rows = inputs[0].rows();
    return other ? std::vector<edl::Tensor>{edl::test::Int64s({rows, 3}, std::vector<std::int64_t>(3 * rows, -1))}
                 : edl::test::ScoreRows(inputs);
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
