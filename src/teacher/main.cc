// SPDX-License-Identifier: Apache-2.0
// edl-teacher: serves a TorchScript file to students. Its life: describe, load, serve, and, on SIGTERM, drain.
#include <ATen/Parallel.h>
#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include "edl/torch/script_model.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/teacher/teacher_flags.h"

namespace edl {
namespace {

constexpr char kHelp[] =
    "Serves a TorchScript model as a teacher, over the Open Inference Protocol (KServe v2).\n\n"
    "  edl-teacher --model teacher.pt --name resnext101 --port 9898 --device cuda:0\n\n"
    "teacher.pt.json beside the model names its inputs and outputs:\n\n"
    "  {\"inputs\":  [{\"name\": \"image\", \"datatype\": \"UINT8\", \"shape\": [-1, 3, 224, 224]}],\n"
    "   \"outputs\": [{\"name\": \"score\", \"datatype\": \"FP32\", \"shape\": [-1, 1000]}]}\n\n"
    "SIGTERM and SIGINT finish what was accepted and end it with status 0; a second one ends it at once.";

// Blocked in every thread that starts from here on, so that only AwaitTermination gets them.
sigset_t BlockTerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// From its return on, the next signal ends the process.
void AwaitTermination(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

absl::Status Serve(const TeacherFlags& flags, const sigset_t& signals) {
  const TeacherServerOptions options = flags.ServerOptions();
  EDL_RETURN_IF_ERROR(options.Validate());  // before what takes seconds
  at::set_num_threads(flags.threads > 0 ? flags.threads : std::max(1, at::get_num_threads() / options.instances));
  EDL_ASSIGN_OR_RETURN(ModelInfo info, flags.DescribeModel());
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<Model> model,
                       LoadScriptModel(flags.model, std::move(info), {flags.device, flags.self_check}));
  EDL_ASSIGN_OR_RETURN(std::unique_ptr<TeacherServer> server, TeacherServer::Start(options, std::move(model)));
  Log().info("{}, on {}, {} at a time with {} threads each", server->model().info().ToString(), flags.device,
             options.instances, at::get_num_threads());
  // To be read by whoever started this process: its ports may be the system's choice.
  for (const std::string& endpoint : server->endpoints()) {
    std::printf("serving %s at %s\n", server->model().info().name.c_str(), endpoint.c_str());
  }
  std::fflush(stdout);

  AwaitTermination(signals);
  Log().info("finishing what was accepted");
  absl::Status drained =
      server->Drain(std::chrono::milliseconds(static_cast<std::int64_t>(flags.drain_timeout_s * 1e3)));
  const ServerStats stats = server->stats();
  Log().info("served {} requests of {} rows; {} failed, {} were refused", stats.calls, stats.rows, stats.failed,
             stats.refused);
  return drained;
}

}  // namespace
}  // namespace edl

int main(int argc, char** argv) {
  const sigset_t signals = edl::BlockTerminationSignals();
  edl::TeacherFlags flags;
  CLI::App app(edl::kHelp);
  flags.AddTo(app);
  CLI11_PARSE(app, argc, argv);
  edl::SetLogLevel(flags.log_level);
  const absl::Status status = edl::Guarded([&] { return edl::Serve(flags, signals); });
  if (status.ok()) return 0;
  std::fprintf(stderr, "edl-teacher: %s\n", std::string(status.message()).c_str());
  return 1;
}
