// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/teacher_flags.h"

#include <cmath>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/endpoint.h"
#include "src/base/status.h"
#include "src/registry/redis_address.h"
#include "src/teacher/advertised_endpoint.h"
#include "src/teacher/file_fingerprint.h"
#include "src/teacher/listen_address.h"
#include "src/teacher/model_sidecar.h"

namespace edl {
namespace {

constexpr char kSpecForm[] = ", as NAME:DATATYPE:SHAPE, e.g. image:UINT8:-1,3,224,224; repeat it, in forward's order";

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e3)));
}

// What the flags give of inputs (outputs), over the sidecar's.
absl::Status Override(const std::vector<std::string>& flags, std::vector<TensorSpec>& specs) {
  if (!flags.empty()) specs.clear();
  for (const std::string& flag : flags) {
    EDL_ASSIGN_OR_RETURN(TensorSpec spec, ParseTensorSpec(flag));
    specs.push_back(std::move(spec));
  }
  return absl::OkStatus();
}

}  // namespace

void TeacherFlags::AddTo(CLI::App& app) {
  app.add_option("--model", model, "TorchScript file to serve")->required();
  app.add_option("--sidecar", sidecar, "JSON that describes its inputs and outputs [MODEL.json]");
  app.add_option("--name", name, "the model's name for students [the sidecar's, else the file's]");
  app.add_option("--model-version", version,
                 "the model's version for students [the sidecar's, else the file's fingerprint]");
  app.add_option("--input", inputs, absl::StrCat("an input", kSpecForm))->expected(1)->take_all();
  app.add_option("--output", outputs, absl::StrCat("an output", kSpecForm))->expected(1)->take_all();
  app.add_flag("!--no-self-check", self_check, "do not run the model once on zeros before serving");

  app.add_option("--device", device, "cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--instances", server.instances, "requests computed at a time")->capture_default_str();
  app.add_option("--threads", threads, "CPU threads of one instance [one a core, shared out among the instances]")
      ->check(CLI::Range(1, 1024));

  app.add_option("--host", host, "address to listen on; 127.0.0.1: this machine only")->capture_default_str();
  app.add_option("--port", port, "0 takes a free one")->check(CLI::Range(0, 65535))->capture_default_str();
  app.add_option("--listen", listen, "host:port or unix:/path, in place of --host and --port; may be repeated")
      ->expected(1)
      ->take_all();
  CLI::Option* http = app.add_option("--http-port", http_port,
                                     "serve /metrics for Prometheus, /healthz and /readyz there; 0 takes a free one "
                                     "[none of them]")
                          ->check(CLI::Range(0, 65535));
  app.add_option("--http-host", http_host,
                 "address of those pages, which have no password [--host; with --listen, the first host of "
                 "those, or 127.0.0.1 when there is none]")
      ->needs(http);
  app.add_option("--tls-cert", server.security.cert_file,
                 "serve by TLS, with this certificate (PEM); it and the next two are read again when they change");
  app.add_option("--tls-key", server.security.key_file, "the certificate's key (PEM, without a passphrase)");
  app.add_option("--tls-client-ca", server.security.client_ca_file,
                 "serve only students whose certificate comes from this CA (PEM): mutual TLS");
  app.add_option(
      "--token-file", server.security.token_file,
      "serve only students that show one of the tokens in this file, one a line; read again when it changes");
  app.add_flag("--allow-token-over-plain-tcp", server.security.allow_token_over_plain_tcp,
               "take tokens without TLS, too, where everybody on the way can read and use them");
  app.add_flag("--allow-shared-memory", allow_shared_memory,
               "take tensors of students on this machine in shared memory; without it, only when nobody beyond this "
               "machine can reach this teacher (--host 127.0.0.1, unix:)");
  CLI::Option* rows =
      app.add_option("--max-batch-rows", server.max_batch_rows, "rows of one request, or of those joined, at most")
          ->capture_default_str();
  app.add_option("--max-batch-delay", max_batch_delay_ms,
                 "dynamic batching: join requests up to --max-batch-rows, which then must fit the device's memory; ms "
                 "that the first may wait for others, 0: join what waits anyway [each request is computed alone]")
      ->check(CLI::Range(0.0, 1000.0))
      ->needs(rows);
  app.add_option("--max-request-bytes", server.max_request_bytes,
                 "bytes of one request, at most; K, M and G are understood")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->capture_default_str();
  app.add_option("--max-connections", server.max_connections, "connections at a time; one more is closed")
      ->capture_default_str();
  app.add_option("--max-unfinished-bytes", server.max_unfinished_bytes,
                 "bytes of requests that are not complete, on all TCP connections together; over that, those of the "
                 "address with most are closed; K, M and G are understood [a quarter of the machine's memory, or twice "
                 "--max-request-bytes; say less in a container]")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  app.add_option("--client-share", server.client_share,
                 "0 to 1: of the places of instances and queue, those that one client's address may have once half of "
                 "all are taken")
      ->capture_default_str();
  app.add_option("--max-wait", max_wait_s,
                 "seconds that a request may wait for its turn before it is told to come back later; 0: for ever")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option(
         "--connection-age", connection_age_s,
         "seconds, or up to a tenth less or more, after which a client has to make a new connection, so that one "
         "which never takes its answers is cut off")
      ->check(CLI::Range(1.0, 86400.0))
      ->capture_default_str();
  app.add_option("--connection-grace", connection_grace_s,
                 "seconds that what is on its way over the old one then has to end; longer than a request waits and is "
                 "computed")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_option("--max-queued", server.max_queued, "requests that may wait; one more is told to come back later")
      ->capture_default_str();

  CLI::Option* to = app.add_option("--redis", redis,
                                   "register there: redis://[user:password@]host:port[/db] or "
                                   "redis+sentinel://host:port,host:port/master-name, rediss for TLS; a password is "
                                   "better kept in a file (?password-file=FILE) or in the environment, where ps "
                                   "does not show it")
                        ->envname("EDL_REDIS");
  app.add_option("--service", service, "register under this name, which students ask for")
      ->envname("EDL_SERVICE")
      ->needs(to);
  app.add_option("--advertise", advertise,
                 "host:port where students reach it [--host; 0.0.0.0: the address towards Redis]");
  app.add_option("--weight", weight, "its speed beside the service's other teachers'")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--info", info, "free text for who looks at the registry");
  app.add_option("--hang-timeout", hang_timeout_s, "seconds one request may compute before it is no longer registered")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();

  app.add_option("--drain-timeout", drain_timeout_s, "seconds that accepted work gets after SIGTERM")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--log-level", log_level, "of what goes to standard error; EDL_LOG_LEVEL wins")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "err", "off"}))
      ->capture_default_str();
}

absl::StatusOr<ModelInfo> TeacherFlags::DescribeModel() const {
  ModelInfo info;
  if (!std::filesystem::exists(model)) return absl::NotFoundError(absl::StrCat("cannot read model file '", model, "'"));
  const std::string file = sidecar.empty() ? model + ".json" : sidecar;
  const bool described_by_flags = !inputs.empty() && !outputs.empty();
  if (!sidecar.empty() || !described_by_flags || std::filesystem::exists(file)) {
    absl::StatusOr<ModelInfo> read = ReadModelSidecar(file);
    if (absl::IsNotFound(read.status())) {
      return Annotate(read.status(),
                      "TorchScript does not carry the names and types of a model's inputs and outputs; "
                      "give them by --input and --output, or in a file beside it");
    }
    if (!read.ok()) return read.status();
    info = *std::move(read);
  }
  EDL_RETURN_IF_ERROR(Override(inputs, info.inputs));
  EDL_RETURN_IF_ERROR(Override(outputs, info.outputs));
  if (!name.empty()) info.name = name;
  if (info.name.empty()) info.name = std::filesystem::path(model).stem();
  if (!version.empty()) info.version = version;
  if (info.version.empty()) {
    EDL_ASSIGN_OR_RETURN(info.version, FingerprintFile(model));
  }
  return info;
}

absl::StatusOr<LeaseOptions> TeacherFlags::DescribeLease(const std::vector<std::string>& listening,
                                                         const std::string& model_name) const {
  if (service.empty()) {
    return absl::InvalidArgumentError("--redis (or EDL_REDIS) needs --service (or EDL_SERVICE): whose teacher is it?");
  }
  LeaseOptions lease;
  lease.redis = redis;
  lease.service = service;
  lease.endpoint = advertise;
  if (advertise.empty()) {
    EDL_ASSIGN_OR_RETURN(lease.endpoint, ListeningForStudents(listening));
    EDL_ASSIGN_OR_RETURN(const RedisAddress address, RedisAddress::Parse(redis));
    if (IsWildcard(lease.endpoint)) {
      lease.find_endpoint = [listening = lease.endpoint, address, scheme = Scheme()]() -> absl::StatusOr<std::string> {
        EDL_ASSIGN_OR_RETURN(const std::string endpoint, AdvertisedEndpoint(listening, address));
        return scheme + endpoint;
      };
    }
  }
  // (Of a Unix socket, or a name that gRPC looks up, the student has to know.)
  const bool host_and_port = !absl::StartsWith(lease.endpoint, "unix:") && !absl::StartsWith(lease.endpoint, "dns:");
  if (host_and_port && TlsOf(lease.endpoint) == EndpointTls::kUnsaid) lease.endpoint = Scheme() + lease.endpoint;
  if (TlsOf(lease.endpoint) == EndpointTls::kNo && server.security.tls()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--advertise '", lease.endpoint, "' says that there is no TLS, and --tls-cert that there is"));
  }
  lease.model = model_name;
  lease.info = info;
  lease.weight = weight;
  EDL_RETURN_IF_ERROR(lease.Validate());
  return lease;
}

std::string TeacherFlags::Scheme() const {
  return server.security.tls() ? "grpcs://" : "";
}

absl::Status TeacherFlags::CheckLease() const {
  constexpr int kAnyPort = 1;
  std::vector<std::string> listening;
  for (const std::string& address : ServerOptions().listen) listening.push_back(WithPort(address, kAnyPort));
  return DescribeLease(listening, name).status();
}

std::string TeacherFlags::PagesHost() const {
  if (!http_host.empty()) return http_host;
  for (const std::string& address : ServerOptions().listen) {
    if (std::string named = ListenHost(address); !named.empty()) return named;
  }
  return "127.0.0.1";
}

TeacherServerOptions TeacherFlags::ServerOptions() const {
  TeacherServerOptions options = server;
  options.listen = listen;
  if (listen.empty()) options.listen = {absl::StrCat(host, ":", port)};
  if (max_batch_delay_ms >= 0) {
    options.max_batch_delay = std::chrono::microseconds(static_cast<std::int64_t>(max_batch_delay_ms * 1e3));
  }
  options.max_wait = Milliseconds(max_wait_s);
  options.connection_age = Milliseconds(connection_age_s);
  options.connection_grace = Milliseconds(connection_grace_s);
  if (allow_shared_memory) options.shared_memory = SharedMemoryPolicy::kAlways;
  return options;
}

}  // namespace edl
