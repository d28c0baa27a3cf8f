// SPDX-License-Identifier: Apache-2.0
#include "src/teacher/server.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "src/base/endpoint.h"
#include "src/base/status.h"
#include "src/rpc/keepalive.h"
#include "src/teacher/inference_service.h"
#include "src/teacher/listen_address.h"

namespace edl {
namespace {

// After the last reply, streams that others hold open (a watch on the health) may end by themselves for this long.
constexpr std::chrono::milliseconds kStreamGrace(200);

void SetKeepalive(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kServerPingTime);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeout);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kServerLeastPingInterval);
}

// What a client can make the server hold, whoever it is.
void SetBounds(grpc::ServerBuilder& builder, const TeacherServerOptions& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_request_bytes));
  builder.SetMaxSendMessageSize(-1);
  // A kilobyte may unpack to a megabyte, after its size has been checked.
  for (auto packed : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder.SetCompressionAlgorithmSupportStatus(packed, false);
  }
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // Each may hold a request that is not complete. A reader has 64 at most, and a few probes.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 128);
  // Half-open connections, and those of other protocols, each hold a file descriptor.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, static_cast<int>(options.handshake_timeout.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, static_cast<int>(options.idle_timeout.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, static_cast<int>(options.connection_age.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, static_cast<int>(options.connection_grace.count()));
}

template <typename Number>
absl::Status CheckRange(const char* field, Number value, Number low, Number high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value, "; expected ", low, " to ", high));
}

std::optional<JoiningRules> JoiningOf(const TeacherServerOptions& options) {
  if (!options.max_batch_delay) return std::nullopt;
  return JoiningRules{options.max_batch_rows, *options.max_batch_delay};
}

bool OffersSharedMemory(const TeacherServerOptions& options) {
  if (options.shared_memory != SharedMemoryPolicy::kIfLocal) {
    return options.shared_memory == SharedMemoryPolicy::kAlways;
  }
  return std::all_of(options.listen.begin(), options.listen.end(), IsLoopback);
}

std::int64_t UnfinishedBytes(const TeacherServerOptions& options) {
  if (options.max_unfinished_bytes > 0) return options.max_unfinished_bytes;
  const std::int64_t quarter_of_memory = std::int64_t{sysconf(_SC_PHYS_PAGES)} / 4 * sysconf(_SC_PAGE_SIZE);
  return std::max(quarter_of_memory, 2 * options.max_request_bytes);
}

void EnableStandardServices() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

}  // namespace

absl::Status TeacherServerOptions::Validate() const {
  constexpr std::int64_t kHour = 3'600'000;
  if (listen.empty()) return absl::InvalidArgumentError("listen is empty; expected at least one address");
  for (const std::string& address : listen) EDL_RETURN_IF_ERROR(CheckListenAddress(address));
  EDL_RETURN_IF_ERROR(security.Validate(listen));
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("max_batch_rows", max_batch_rows, 1, std::int64_t{1} << 40));
  if (max_batch_delay) {
    EDL_RETURN_IF_ERROR(
        CheckRange<std::int64_t>("max_batch_delay (us)", max_batch_delay->count(), 0, std::int64_t{1'000'000}));
  }
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("max_request_bytes", max_request_bytes, 1024, INT32_MAX));
  EDL_RETURN_IF_ERROR(CheckRange("client_share", client_share, 0.0, 1.0));
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("max_wait (ms)", max_wait.count(), 0, kHour));
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("handshake_timeout (ms)", handshake_timeout.count(), 1, kHour));
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("idle_timeout (ms)", idle_timeout.count(), 1, 24 * kHour));
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("connection_age (ms)", connection_age.count(), 1, 24 * kHour));
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("connection_grace (ms)", connection_grace.count(), 1, 24 * kHour));
  EDL_RETURN_IF_ERROR(CheckRange("instances", instances, 1, 1024));
  EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("max_connections", max_connections, 1, 1 << 20));
  if (max_unfinished_bytes != 0) {  // less, and a request that is allowed could be cut off each time
    EDL_RETURN_IF_ERROR(CheckRange<std::int64_t>("max_unfinished_bytes", max_unfinished_bytes, max_request_bytes,
                                                 std::int64_t{1} << 50));
  }
  return CheckRange<std::int64_t>("max_queued", max_queued, 0, 1 << 20);
}

absl::StatusOr<std::unique_ptr<TeacherServer>> TeacherServer::Start(const TeacherServerOptions& options,
                                                                    std::unique_ptr<Model> model) {
  EDL_RETURN_IF_ERROR(options.Validate());
  EDL_RETURN_IF_ERROR(CheckModelInfo(model->info()));
  std::unique_ptr<TokenGate> tokens;
  if (!options.security.token_file.empty()) {
    EDL_ASSIGN_OR_RETURN(tokens, TokenGate::Open("--token-file", options.security.token_file));
  }
  std::unique_ptr<TeacherServer> server(new TeacherServer(options, std::move(tokens), std::move(model)));
  EDL_RETURN_IF_ERROR(server->Listen(options));
  return server;
}

TeacherServer::TeacherServer(const TeacherServerOptions& options, std::unique_ptr<TokenGate> tokens,
                             std::unique_ptr<Model> model)
    : instances_(options.instances),
      model_(std::move(model)),
      gate_(options.instances + options.max_queued, options.client_share),
      pool_(options.instances, JoiningOf(options), options.max_wait),
      regions_(OffersSharedMemory(options)),
      health_(*model_, pool_, counters_),
      tokens_(std::move(tokens)),
      service_(std::make_unique<InferenceService>(InferParts{*model_, arrivals_, gate_, pool_, regions_, counters_,
                                                             statistics_, options.max_batch_rows,
                                                             options.max_batch_delay.has_value(), tokens_.get()})) {}

TeacherServer::~TeacherServer() {
  Stop();
}

absl::Status TeacherServer::Listen(const TeacherServerOptions& options) {
  const std::vector<std::string>& addresses = options.listen;
  for (const std::string& address : addresses) EDL_RETURN_IF_ERROR(ProbeListenAddress(address));
  EnableStandardServices();
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers on one port are a mistake, not a pair
  SetKeepalive(builder);
  SetBounds(builder, options);
  builder.RegisterService(service_.get());
  const std::shared_ptr<grpc::ServerCredentials> credentials = NewServerCredentials(options.security);
  std::vector<int> ports(addresses.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    builder.AddListeningPort(addresses[i], credentials, &ports[i]);
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    auto refused = std::find(ports.begin(), ports.end(), 0) - ports.begin();
    return absl::UnavailableError(absl::StrCat("cannot listen on ", addresses[refused % addresses.size()],
                                               ": address already in use, or not this machine's"));
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) endpoints_.push_back(WithPort(addresses[i], ports[i]));
  const Doorman::Bounds bounds = {options.max_connections, UnfinishedBytes(options)};
  doorman_ = std::make_unique<Doorman>(endpoints_, bounds, arrivals_);
  if (auto* health = server_->GetHealthCheckService()) {
    health->SetServingStatus(model_->info().name, true);
    health->SetServingStatus(internal::Wire::service_full_name(), true);
  }
  return absl::OkStatus();
}

ServerStats TeacherServer::stats() const {
  ServerStats stats = counters_.Snapshot();
  const ModelStatistics::Values values = statistics_.Get();
  stats.queued = pool_.waiting();
  stats.in_flight = gate_.inside();
  stats.latency_p50 = values.recent_latency.Quantile(0.5);
  stats.latency_p99 = values.recent_latency.Quantile(0.99);
  return stats;
}

void TeacherServer::AwaitQuiet(std::chrono::milliseconds quiet, std::chrono::milliseconds at_most) {
  gate_.WaitUntilQuiet(quiet, std::chrono::steady_clock::now() + at_most);
}

// Shutting down, in order: (1) no request gets in; (2) health checks say so; (3) those inside are answered [Drain], or
// abandoned [Stop]; (4) gRPC closes its sockets and waits for every call to end; (5) the destructor joins the
// doorman and the instances.
absl::Status TeacherServer::Drain(std::chrono::milliseconds timeout) {
  if (server_ == nullptr) return absl::OkStatus();
  gate_.Close();
  SayNotServing();
  std::int64_t left = gate_.WaitUntilEmpty(std::chrono::steady_clock::now() + timeout);
  if (left == 0) server_->Shutdown(std::chrono::system_clock::now() + kStreamGrace);
  Stop();
  if (left == 0) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat(left, " requests were cut off: they were not answered within ", timeout.count(), " ms of draining"));
}

void TeacherServer::Stop() {
  if (server_ == nullptr) return;
  gate_.Close();
  SayNotServing();
  pool_.Close();
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void TeacherServer::SayNotServing() {
  if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(false);
}

}  // namespace edl
