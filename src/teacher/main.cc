// SPDX-License-Identifier: Apache-2.0
// edl-teacher: serves a TorchScript file to students. Its life: describe, load, serve, register; on SIGTERM, drain.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

#include "edl/torch/script_model.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/base/termination.h"
#include "src/teacher/allocator.h"
#include "src/teacher/teacher_flags.h"
#include "src/teacher/teacher_metrics.h"
#include "src/teacher/teacher_numbers.h"
#include "src/torch/torch_threads.h"

namespace edl {
namespace {

// After that, students notice when they are refused; that costs a retry and no more.
constexpr std::chrono::milliseconds kTellingStudents{1000};
// So long without a request, and they have all heard it; so long at most, which is more than a poll of theirs.
constexpr std::chrono::milliseconds kQuiet{100};
constexpr std::chrono::milliseconds kLongestGoodbye{2000};

constexpr char kHelp[] =
    "Serves a TorchScript model as a teacher, over the Open Inference Protocol (KServe v2).\n\n"
    "  edl-teacher --model teacher.pt --name resnext101 --port 9898 --device cuda:0\n\n"
    "teacher.pt.json beside the model names its inputs and outputs:\n\n"
    "  {\"inputs\":  [{\"name\": \"image\", \"datatype\": \"UINT8\", \"shape\": [-1, 3, 224, 224]}],\n"
    "   \"outputs\": [{\"name\": \"score\", \"datatype\": \"FP32\", \"shape\": [-1, 1000]}]}\n\n"
    "With --redis and --service students find it by themselves.\n\n"
    "SIGTERM and SIGINT finish what was accepted and end it with status 0; a second one ends it at once.";

std::chrono::milliseconds Seconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3));
}

// Null when nobody is to be told of this teacher.
absl::StatusOr<std::unique_ptr<LeaseKeeper>> Register(const TeacherFlags& flags, TeacherServer& server) {
  if (flags.redis.empty()) return nullptr;
  EDL_ASSIGN_OR_RETURN(LeaseOptions lease, flags.DescribeLease(server.endpoints(), server.model().info().name));
  using Clock = std::chrono::steady_clock;
  lease.numbers = [&server,
                   numbers = std::make_shared<TeacherNumbers>(server.model().info(), flags.device, Clock::now())] {
    return numbers->ToJson(server.stats(), Clock::now());
  };
  const auto patience = Seconds(flags.hang_timeout_s);
  return LeaseKeeper::Start(lease, [&server, patience] { return server.CheckHealth(patience); });
}

// Null when nobody is to watch this teacher.
absl::StatusOr<std::unique_ptr<HttpServer>> StartPages(const TeacherFlags& flags, TeacherServer& server) {
  if (flags.http_port < 0) return nullptr;
  return StartTeacherPages(flags.PagesHost(), flags.http_port, Seconds(flags.hang_timeout_s), server);
}

// Leaving, in order: (1) students are told to send nothing new, and those that had not heard yet are still served,
// (2) what was accepted is answered, (3) the registry forgets this teacher.
absl::Status Leave(const TeacherFlags& flags, TeacherServer& server, LeaseKeeper* lease) {
  if (lease != nullptr) {
    const absl::Status told = lease->Drain(kTellingStudents);
    if (!told.ok()) Log().warn("{}", told.ToString());
    if (told.ok()) server.AwaitQuiet(kQuiet, kLongestGoodbye);
  }
  const absl::Status drained = server.Drain(Seconds(flags.drain_timeout_s));
  if (lease != nullptr) lease->Stop();
  return drained;
}

absl::Status Serve(const TeacherFlags& flags, Termination& termination) {
  const TeacherServerOptions options = flags.ServerOptions();
  EDL_RETURN_IF_ERROR(options.Validate());  // before what takes seconds
  if (!flags.redis.empty()) EDL_RETURN_IF_ERROR(flags.CheckLease());
  const int threads = SetTorchThreads(flags.threads, options.instances);
  EDL_ASSIGN_OR_RETURN(ModelInfo info, flags.DescribeModel());
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<Model> model,
                       LoadScriptModel(flags.model, std::move(info), {flags.device, flags.self_check}));
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<TeacherServer> server, TeacherServer::Start(options, std::move(model)));
  Log().info("{}, on {}, {} at a time with {} threads each", server->model().info().ToString(), flags.device,
             options.instances, threads);
  EDL_ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> pages, StartPages(flags, *server));
  // To be read by whoever started this process: its ports may be the system's choice.
  for (const std::string& endpoint : server->endpoints()) {
    std::printf("serving %s at %s%s\n", server->model().info().name.c_str(), flags.Scheme().c_str(), endpoint.c_str());
  }
  if (pages != nullptr) std::printf("metrics at http://%s/metrics\n", pages->endpoint().c_str());
  std::fflush(stdout);

  EDL_ASSIGN_OR_RETURN(const std::unique_ptr<LeaseKeeper> lease, Register(flags, *server));

  termination.Await();
  Log().info("finishing what was accepted");
  const absl::Status drained = Leave(flags, *server, lease.get());
  const ServerStats stats = server->stats();
  Log().info("served {} requests of {} rows; {} failed, {} were refused", stats.calls, stats.rows, stats.failed,
             stats.refused());
  return drained;
}

// Each connection is a file, and the usual limit of a shell is for shells.
void RaiseFileLimit() {
  constexpr rlim_t kEnough = 65'536;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnough) return;
  limit.rlim_cur = std::min(limit.rlim_max, kEnough);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace edl

int main(int argc, char** argv) {
  edl::KeepFreedMemory();  // before there are threads, whose heaps would not know
  edl::RaiseFileLimit();
  edl::Termination termination;
  edl::TeacherFlags flags;
  CLI::App app(edl::kHelp);
  flags.AddTo(app);
  app.set_version_flag("--version", EDL_VERSION);
  CLI11_PARSE(app, argc, argv);
  edl::SetLogLevel(flags.log_level);
  const absl::Status status = edl::Guarded([&] { return edl::Serve(flags, termination); });
  if (status.ok()) return 0;
  std::fprintf(stderr, "edl-teacher: %s\n", std::string(status.message()).c_str());
  return 1;
}
