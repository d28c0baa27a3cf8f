// SPDX-License-Identifier: Apache-2.0
// linear_teacher: the tests' teacher (tests/support/rows.h) in a process of its own, without libtorch.
// Usage: linear_teacher PORT DELAY_MICROSECONDS [VERSION [REDIS ENDPOINT]]
//   VERSION    of the model, 1 by default; any other is another model, whose soft labels are other ones
//   REDIS      where it keeps a lease as a teacher of the service "rows", short_lease.h's, until SIGTERM, and after
//              every other SIGUSR1 does not, as if it were not well
//   ENDPOINT   where students reach it, which need not be where it listens
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "src/registry/lease_keeper.h"
#include "src/teacher/server.h"
#include "tests/support/function_model.h"
#include "tests/support/rows.h"
#include "tests/support/short_lease.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4 && argc != 6) return 2;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, nullptr);  // before any thread exists, so that only sigwait gets them

  const std::chrono::microseconds delay(std::atoll(argv[2]));
  edl::ModelInfo info = edl::test::RowModel();
  if (argc > 3) info.version = argv[3];
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
  std::atomic<bool> well{true};
  std::unique_ptr<edl::LeaseKeeper> lease;
  if (argc == 6) {
    lease = edl::LeaseKeeper::Start(edl::test::ShortLease(argv[4], argv[5]), [&well] {
              return well ? absl::OkStatus() : absl::UnavailableError("a signal says so");
            }).value();
  }
  std::printf("serving rows at %s\n", (*server)->endpoint().c_str());
  std::fflush(stdout);
  for (int signal = 0; signal != SIGTERM; sigwait(&signals, &signal)) {
    if (signal == SIGUSR1) well = !well;
  }
  // Students notice by themselves, too, if Redis is away.
  if (lease != nullptr) lease->Drain(std::chrono::milliseconds(500)).IgnoreError();
  const absl::Status drained = (*server)->Drain(std::chrono::seconds(30));
  lease.reset();
  if (!drained.ok()) std::fprintf(stderr, "%s\n", drained.ToString().c_str());
  return drained.ok() ? 0 : 1;
}
