// SPDX-License-Identifier: Apache-2.0
// bench_wire: batches through the whole reader to a no-op teacher in another process, beside a raw socket (the limit),
// naive Protobuf over the same gRPC (what one would write first) and memcpy.
// Each client and each server is a process of its own, so that neither's allocator nor CPU time is another's; in a
// round each contender runs once, in another order each time; a ratio is one of two runs of the same round.
// Limits: loopback; on a machine with few cores, both sides and the kernel's copying share them. The naive server ends
// and starts threads as it goes, and the context switches of those that ended are not counted.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "bench/naive.h"
#include "bench/payload.h"
#include "bench/raw_socket.h"
#include "bench/result.h"
#include "bench/wire_client.h"
#include "edl/testing/teacher_process.h"
#include "src/teacher/allocator.h"
#include "src/teacher/server.h"

namespace edl::bench {
namespace {

using testing::TeacherProcess;

struct Settings {
  int rounds = 5;
  double seconds = 1;
  std::vector<std::string> payloads = Payload::Names();
  int lanes = 1;
  bool trace = false;
  std::string json;
};

// One way to move batches: which server, which client, and whether their processes keep what they free.
struct Contender {
  std::string name;
  std::string server;
  std::string client;
  bool keeps_memory;
};

const std::vector<Contender>& Contenders() {
  static const auto& all = *new std::vector<Contender>{
      {"raw socket", "raw", "raw", false},
      {"naive", "naive", "naive", false},
      {"naive, tuned allocator", "naive", "naive", true},
      {"reader, TCP", "teacher", "reader", true},  // edl-teacher tunes its allocator; the student's is left alone
      {"reader, 2 channels", "teacher", "two-channel-reader", true},
      {"reader, as FP16", "teacher", "fp16-reader", true},
      {"reader, unix:", "unix-teacher", "reader", true},
      {"reader, shared memory", "reading-teacher", "sharing-reader", true},
      {"reader, arena", "reading-teacher", "arena-reader", true},
      {"reader, traced", "teacher", "traced-reader", true},
  };
  return all;
}

// To see what a trace costs, the reader is beside itself alone: rounds are short then, and can be many.
std::vector<Contender> ContendersFor(const Payload& payload, bool trace) {
  std::vector<Contender> contenders;
  for (const Contender& contender : Contenders()) {
    if (trace && contender.name != "reader, TCP" && contender.name != "reader, traced") continue;
    if (!trace && contender.name == "reader, traced") continue;
    if (contender.client != "fp16-reader" || payload.dtype == DType::kFp32) contenders.push_back(contender);
  }
  return contenders;
}

// A model that takes no time; or, where nothing else touches the bytes, only that of reading them.
class NoopModel final : public Model {
 public:
  NoopModel(const Payload& payload, bool reads)
      : reads_(reads),
        info_(payload.Model()),
        scores_(Tensor::FromVector<float>({Payload::kRows, payload.classes},
                                          std::vector<float>(payload.reply_bytes() / sizeof(float)))
                    .value()) {}
  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<Tensor>> Infer(const std::vector<Tensor>& inputs) override {
    if (reads_ && Sum(inputs[0]) == 1) return absl::InternalError("never");
    return std::vector<Tensor>{scores_.Rows(0, inputs[0].rows()).value()};
  }

 private:
  static std::uint64_t Sum(const Tensor& tensor) {
    std::uint64_t sum = 0;
    const auto* words = static_cast<const std::uint64_t*>(tensor.data());
    for (std::size_t i = 0; i < tensor.byte_size() / sizeof *words; ++i) sum += words[i];
    return sum;
  }

  const bool reads_;
  const ModelInfo info_;
  const Tensor scores_;
};

std::string UnixAddress() {
  return absl::StrCat("unix:/tmp/edl-bench-", getpid(), ".sock");
}

int Serve(const std::string& kind, const Payload& payload) {
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminate, nullptr);
  std::unique_ptr<NaiveServer> naive;
  std::unique_ptr<TeacherServer> teacher;
  std::string endpoint;
  if (kind == "raw") {
    endpoint = ServeRawSocket(payload.reply_bytes());
  } else if (kind == "naive") {
    naive = std::make_unique<NaiveServer>(payload);
    endpoint = naive->endpoint();
  } else {
    TeacherServerOptions options;
    if (kind == "unix-teacher") options.listen = {UnixAddress()};
    teacher = TeacherServer::Start(options, std::make_unique<NoopModel>(payload, kind == "reading-teacher")).value();
    endpoint = teacher->endpoint();
  }
  std::printf("serving %s at %s\n", kind.c_str(), endpoint.c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&terminate, &signal);
  teacher.reset();
  naive.reset();
  std::_Exit(0);  // the raw socket's threads wait for ever
}

int Call(const std::string& kind, const Payload& payload, const std::vector<std::string>& endpoints,
         const std::vector<int>& servers, double seconds) {
  auto client = MakeWireClient(kind, payload, endpoints);
  const WireRun run = RunWire(*client, payload, servers, seconds);
  std::printf("%s\n", nlohmann::json{{"batches_per_s", run.batches_per_s},
                                     {"client_cpu_s_per_gb", run.client_cpu_s_per_gb},
                                     {"server_cpu_s_per_gb", run.server_cpu_s_per_gb},
                                     {"client_faults", run.client_faults},
                                     {"server_faults", run.server_faults},
                                     {"client_switches", run.client_switches},
                                     {"server_switches", run.server_switches}}
                          .dump()
                          .c_str());
  return 0;
}

// This program again, with other arguments; what it wrote.
WireRun RunClient(const std::string& arguments) {
  std::FILE* pipe = popen(("exec /proc/" + std::to_string(getpid()) + "/exe " + arguments).c_str(), "r");
  char line[512] = "";
  const bool read = pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr;
  if (pipe == nullptr || pclose(pipe) != 0 || !read) {
    std::fprintf(stderr, "bench_wire: '%s' failed\n", arguments.c_str());
    std::exit(1);
  }
  const auto json = nlohmann::json::parse(line);
  return {json["batches_per_s"], json["client_cpu_s_per_gb"], json["server_cpu_s_per_gb"], json["client_faults"],
          json["server_faults"], json["client_switches"],     json["server_switches"]};
}

// The runs of one payload: of each contender, one a round.
class Match {
 public:
  Match(Payload payload, const Settings& settings)
      : payload_(std::move(payload)), settings_(settings), contenders_(ContendersFor(payload_, settings.trace)) {
    for (const Contender& contender : contenders_) {
      for (int lane = 0; lane < settings_.lanes; ++lane) {
        servers_[contender.name].push_back(
            TeacherProcess::Start({"/proc/self/exe", "serve", "--kind", contender.server, "--payload", payload_.name,
                                   contender.keeps_memory ? "--keep-memory" : "--plain"})
                .value());
      }
    }
    std::mt19937 random(1);
    for (int round = 0; round < settings_.rounds; ++round) {
      std::vector<Contender> order = contenders_;
      std::shuffle(order.begin(), order.end(), random);
      for (const Contender& contender : order) Run(contender);
    }
  }

  void PrintRuns() const {
    std::printf("\n%s, 32 rows a batch, %d lane(s), median of %d\n", payload_.name.c_str(), settings_.lanes,
                settings_.rounds);
    std::printf("%-26s %10s %8s   %8s %8s   %8s %8s   %8s %8s\n", "", "images/s", "GB/s", "client", "server", "client",
                "server", "client", "server");
    std::printf("%-26s %10s %8s   %17s   %17s   %17s\n", "", "", "", "CPU s / GB", "faults / batch",
                "switches / batch");
    for (const Contender& contender : contenders_) {
      const double rate = Median(contender.name, &WireRun::batches_per_s);
      std::printf("%-26s %10.0f %8.2f   %8.2f %8.2f   %8.1f %8.1f   %8.1f %8.1f\n", contender.name.c_str(),
                  rate * Payload::kRows, GigabytesPerSecond(rate),
                  Median(contender.name, &WireRun::client_cpu_s_per_gb),
                  Median(contender.name, &WireRun::server_cpu_s_per_gb),
                  Median(contender.name, &WireRun::client_faults), Median(contender.name, &WireRun::server_faults),
                  Median(contender.name, &WireRun::client_switches), Median(contender.name, &WireRun::server_switches));
    }
    std::fflush(stdout);
  }

  Result Ratio(const std::string& name, const std::string& ours, const std::string& rival, std::string note) const {
    std::vector<double> ratios;
    for (int r = 0; r < settings_.rounds; ++r) {
      ratios.push_back(runs_.at(ours)[r].batches_per_s / runs_.at(rival)[r].batches_per_s);
    }
    return {name,
            Spread::Of(ratios),
            "ratio",
            {{ours + ", GB/s", GigabytesPerSecond(Median(ours, &WireRun::batches_per_s))},
             {rival + ", GB/s", GigabytesPerSecond(Median(rival, &WireRun::batches_per_s))}},
            std::move(note)};
  }

  Result Cost(const std::string& name, const std::string& ours, const std::string& rival, double WireRun::*field,
              const std::string& unit) const {
    return {name, Spread::Of(Values(ours, field)), unit, {{rival + ", " + unit, Median(rival, field)}}, ""};
  }

 private:
  void Run(const Contender& contender) {
    std::vector<std::string> endpoints;
    std::vector<int> pids;
    for (const auto& server : servers_.at(contender.name)) {
      endpoints.push_back(server->endpoint());
      pids.push_back(server->pid());
    }
    const bool keeps_memory = contender.keeps_memory && contender.server == contender.client;
    runs_[contender.name].push_back(
        RunClient(absl::StrCat("call --kind ", contender.client, " --payload '", payload_.name, "' --endpoints ",
                               absl::StrJoin(endpoints, ","), " --servers ", absl::StrJoin(pids, ","), " --seconds ",
                               settings_.seconds, keeps_memory ? " --keep-memory" : " --plain")));
  }

  std::vector<double> Values(const std::string& name, double WireRun::*field) const {
    std::vector<double> values;
    for (const WireRun& run : runs_.at(name)) values.push_back(run.*field);
    return values;
  }
  double Median(const std::string& name, double WireRun::*field) const {
    return Spread::Of(Values(name, field)).median;
  }
  double GigabytesPerSecond(double batches_per_s) const {
    return batches_per_s * static_cast<double>(payload_.batch_bytes()) / 1e9;
  }

  const Payload payload_;
  const Settings settings_;
  const std::vector<Contender> contenders_;
  std::map<std::string, std::vector<std::unique_ptr<TeacherProcess>>> servers_;
  std::map<std::string, std::vector<WireRun>> runs_;
};

// GB/s from a batch to a buffer that is used again, batches in turn.
void PrintMemcpy(const Payload& payload) {
  const std::vector<Tensor> batches = payload.MakeBatches();
  std::vector<char> to(payload.batch_bytes());
  constexpr int kTimes = 200;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kTimes; ++i) {
    std::memcpy(to.data(), batches[static_cast<std::size_t>(i) % batches.size()].data(), to.size());
    asm volatile("" : : "r"(to.data()) : "memory");
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%-26s %10s %8.2f\n", "memcpy", "", kTimes * static_cast<double>(to.size()) / seconds / 1e9);
}

int Compare(const Settings& settings, const std::string& command) {
  std::vector<Result> results;
  for (const std::string& name : settings.payloads) {
    const Payload payload = Payload::Named(name);
    const Match match(payload, settings);
    match.PrintRuns();
    PrintMemcpy(payload);
    if (settings.trace) {
      results.push_back(match.Ratio(absl::StrCat("trace_", absl::StrReplaceAll(name, {{" ", "_"}}), "_vs_none"),
                                    "reader, traced", "reader, TCP", "the trace is written to a file in /tmp"));
    } else if (name == "uint8 224") {
      results.push_back(match.Ratio("wire_uint8_vs_raw_socket", "reader, TCP", "raw socket", ""));
      results.push_back(match.Ratio("wire_uint8_vs_naive", "reader, TCP", "naive", ""));
      results.push_back(match.Ratio("wire_uint8_vs_naive_tuned", "reader, TCP", "naive, tuned allocator", ""));
      results.push_back(match.Ratio("shm_vs_raw_socket", "reader, shared memory", "raw socket",
                                    "copied in once; the teacher reads every byte where it lies"));
      results.push_back(match.Ratio("shm_arena_vs_raw_socket", "reader, arena", "raw socket",
                                    "no byte moves: the source wrote it there; the teacher reads every byte"));
      results.push_back(match.Ratio("wire_2_channels_vs_1", "reader, 2 channels", "reader, TCP",
                                    "loopback: both sides' cores are the same"));
      results.push_back(
          match.Cost("client_cpu_s_per_gb", "reader, TCP", "naive", &WireRun::client_cpu_s_per_gb, "CPU s/GB"));
      results.push_back(match.Cost("client_faults_per_request", "reader, TCP", "naive", &WireRun::client_faults,
                                   "minor page faults"));
      results.push_back(match.Cost("teacher_faults_per_request", "reader, TCP", "naive", &WireRun::server_faults,
                                   "minor page faults"));
    } else if (name == "fp32 224") {
      results.push_back(match.Ratio("wire_fp32_vs_raw_socket", "reader, TCP", "raw socket", ""));
      results.push_back(match.Ratio("wire_fp32_vs_naive", "reader, TCP", "naive", ""));
      results.push_back(match.Ratio("wire_as_fp16_vs_fp32", "reader, as FP16", "reader, TCP",
                                    "rows; loopback is no slow network: converting costs as much as sending"));
    } else {
      results.push_back(match.Ratio("small_vs_naive", "reader, TCP", "naive", "naive calls wait for their answers"));
      results.push_back(match.Cost("small_client_switches", "reader, TCP", "naive", &WireRun::client_switches,
                                   "context switches a batch"));
    }
  }
  Print(results);
  WriteJson(results, command, settings.json);
  return 0;
}

}  // namespace
}  // namespace edl::bench

int main(int argc, char** argv) {
  using namespace edl::bench;
  Settings settings;
  CLI::App app("Measures what the reader moves to teachers, beside a raw socket and naive Protobuf.");
  app.option_defaults()->always_capture_default();
  app.add_option("--rounds", settings.rounds, "Runs of each contender")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", settings.seconds, "Length of a run")->check(CLI::Range(0.05, 600.0));
  app.add_option("--payloads", settings.payloads, "Which batches")
      ->check(CLI::IsMember(Payload::Names()))
      ->delimiter(',');
  app.add_option("--lanes", settings.lanes, "Teachers, and connections of the rivals")->check(CLI::Range(1, 16));
  app.add_flag("--trace", settings.trace, "Only the reader, beside one that records a trace");
  app.add_option("--json", settings.json, "Also write the results there");

  // What this program starts of itself.
  std::string kind, payload;
  std::vector<std::string> endpoints;
  std::vector<int> servers;
  bool keep_memory = false, plain = false;
  CLI::App* serve = app.add_subcommand("serve")->group("");
  CLI::App* call = app.add_subcommand("call")->group("");
  for (CLI::App* part : {serve, call}) {
    part->add_option("--kind", kind)->required();
    part->add_option("--payload", payload)->required();
    part->add_flag("--keep-memory", keep_memory);
    part->add_flag("--plain", plain);
  }
  call->add_option("--endpoints", endpoints)->required()->delimiter(',');
  call->add_option("--servers", servers)->required()->delimiter(',');
  call->add_option("--seconds", settings.seconds)->required();
  CLI11_PARSE(app, argc, argv);

  if (keep_memory) edl::KeepFreedMemory();
  if (serve->parsed()) return Serve(kind, Payload::Named(payload));
  if (call->parsed()) return Call(kind, Payload::Named(payload), endpoints, servers, settings.seconds);
  std::string command = "bench_wire";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  return Compare(settings, command);
}
