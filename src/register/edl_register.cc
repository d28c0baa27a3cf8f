// SPDX-License-Identifier: Apache-2.0
// edl-register: keeps a server that is not ours (Triton, OpenVINO Model Server, …) listed as a teacher, for as long as
// it answers its readiness calls.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "src/base/termination.h"
#include "src/registry/lease_keeper.h"
#include "src/rpc/client_security.h"
#include "src/rpc/readiness_probe.h"

namespace edl {
namespace {

constexpr std::chrono::milliseconds kCheckTimeout{1000};  // beside heartbeats of 1.5 s, in a lease of 6 s

const char kHelp[] =
    "Lists a server that speaks the Open Inference Protocol (KServe v2) over gRPC as a teacher, so that students of "
    "that\n"
    "service find and use it; and takes it out when it stops answering, or when this program ends.\n"
    "\n"
    "  edl-register --redis redis://10.0.0.1:6379 --service resnext101 --endpoint 10.0.0.7:8001 --model resnext101\n"
    "\n"
    "Every 1.5 s the server is asked whether it is ready: the standard gRPC health service first, ServerReady where "
    "there\n"
    "is none, and ModelReady for a model that is named. While it is not, its lease of 6 s is not renewed, and "
    "students\n"
    "stop using it; when it is again, it is listed again. Redis may be restarted or away meanwhile.\n"
    "\n"
    "SIGTERM and SIGINT take the server out of the registry at once; the exit status is then 0.";

// Says when the server is listed for the first time; returns at a signal.
void Wait(LeaseKeeper& keeper, const LeaseOptions& options, Termination& termination) {
  while (!keeper.AwaitListed(std::chrono::milliseconds(100)).ok()) {
    if (termination.AwaitFor(std::chrono::milliseconds(0))) return;
  }
  std::printf("serving %s, as the registry has it, at %s\n", options.service.c_str(), options.endpoint.c_str());
  std::fflush(stdout);
  termination.Await();
}

int Run(const LeaseOptions& options, const ClientSecurityOptions& security_options) {
  Termination termination;
  if (absl::Status status = options.Validate(); !status.ok()) {
    std::fprintf(stderr, "edl-register: --%s\n", std::string(status.message()).c_str());
    return 2;
  }
  const auto security = ClientSecurity::Create(security_options);
  if (!security.ok()) {
    std::fprintf(stderr, "edl-register: %s\n", std::string(security.status().message()).c_str());
    return 2;
  }
  ReadinessProbe probe(options.endpoint, options.model, *security);
  auto keeper = LeaseKeeper::Start(options, [&probe] { return probe.Check(kCheckTimeout); });
  if (!keeper.ok()) {
    std::fprintf(stderr, "edl-register: %s\n", keeper.status().ToString().c_str());
    return 1;
  }
  Wait(**keeper, options, termination);
  (*keeper)->Stop();
  return 0;
}

}  // namespace
}  // namespace edl

int main(int argc, char** argv) {
  edl::LeaseOptions options;
  edl::ClientSecurityOptions security;
  edl::TlsOptions tls;
  CLI::App app(edl::kHelp);
  app.set_version_flag("--version", EDL_VERSION);
  app.add_option("--redis", options.redis,
                 "The registry: redis://[user:password@]host:port[/db], or through sentinels\n"
                 "redis+sentinel://[user:password@]host:port,host:port/master-name[/db]; rediss for TLS.\n"
                 "Other users of this machine see a command line: better set EDL_REDIS,\n"
                 "or name a file that holds the password: redis://user@host:port?password-file=FILE")
      ->required()
      ->envname("EDL_REDIS");
  app.add_option("--service", options.service, "What the students ask for")->required()->envname("EDL_SERVICE");
  app.add_option("--endpoint", options.endpoint,
                 "host:port of the server's gRPC port, as students reach it; grpcs://host:port where it speaks TLS")
      ->required();
  app.add_option("--tls-ca", tls.ca_file, "CA of the server's certificate (PEM) [the system's roots]");
  app.add_option("--tls-cert", tls.cert_file, "our own certificate, for a server that asks for one (PEM)");
  app.add_option("--tls-key", tls.key_file, "its key (PEM, without a passphrase)");
  app.add_option("--tls-server-name", tls.server_name, "the name in the server's certificate [the endpoint's host]");
  app.add_option("--token-file", security.token_file, "show the server the first token in this file, by TLS only");
  app.add_flag("--allow-token-over-plain-tcp", security.allow_token_over_plain_tcp,
               "show it without TLS, too, where everybody on the way can read and use it");
  app.add_option("--model", options.model, "A model that must be ready; it is shown in the registry, too");
  app.add_option("--weight", options.weight, "The server's speed beside the others' of the service: 1 to 1000")
      ->capture_default_str();
  app.add_option("--info", options.info, "Free text, for people who look at the registry");
  CLI11_PARSE(app, argc, argv);
  // A grpcs:// endpoint is spoken to by TLS in any case.
  if (!tls.ca_file.empty() || !tls.cert_file.empty() || !tls.key_file.empty() || !tls.server_name.empty()) {
    security.tls = tls;
  }
  return edl::Run(options, security);
}
