// SPDX-License-Identifier: Apache-2.0
// TeacherServer: serves one model over the Open Inference Protocol.
// Place: what edl-teacher and FakeTeacher are made of; between gRPC's sockets and a Model.
// Errors: Start: INVALID_ARGUMENT - options, their files, the model's description; UNAVAILABLE - an address cannot be
//         had.
//         Requests: see request_check.h, request_gate.h; a model's own status is passed on as it is, its exception is
//         INTERNAL; neither touches the next request.
// Thread-safety: stats(), statistics(), serving(): any thread. Drain, Stop and the destructor: one thread at a time.
// Lifetime: owns the model; no call of it is running when Stop, or Drain, has returned.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edl/model.h"
#include "src/teacher/doorman.h"
#include "src/teacher/health_check.h"
#include "src/teacher/infer_call.h"
#include "src/teacher/server_security.h"
#include "src/teacher/server_stats.h"
#include "src/teacher/shared_regions.h"
#include "src/teacher/token_gate.h"

namespace grpc {
class Server;
}

namespace edl {

class InferenceService;

// May students on this machine hand over their tensors in shared memory? Whoever may call the server then has it map
// memory of this user, and could end it by shrinking that.
enum class SharedMemoryPolicy {
  kIfLocal,  // when it listens on loopback addresses and Unix sockets only
  kAlways,
  kNever,
};

struct TeacherServerOptions {
  // Behaviour.
  std::vector<std::string> listen = {"127.0.0.1:0"};  // "host:port" (port 0: a free one), "unix:/path"
  SharedMemoryPolicy shared_memory = SharedMemoryPolicy::kIfLocal;
  ServerSecurityOptions security;         // TLS and tokens; by default plain and for everybody
  std::int64_t max_batch_rows = 1 << 20;  // rows in one request; more is INVALID_ARGUMENT

  std::int64_t max_request_bytes = std::int64_t{256} << 20;  // of one request; more is RESOURCE_EXHAUSTED

  // One more is closed within a tenth of a second. Each costs a file descriptor; they get no more than half of those
  // that this process may have.
  std::int64_t max_connections = 4096;

  // That connections have sent of requests which are not complete, or of headers, all of them together: beyond that
  // those are closed whose address has most. What a Unix socket's have sent is not known. No less than
  // max_request_bytes; 0: a quarter of the machine's memory, or twice max_request_bytes if that is more.
  std::int64_t max_unfinished_bytes = 0;

  // Of the places of instances and queue together, once half of them are taken: the most that one client's address may
  // have, so that nobody keeps all others out. 0 to 1; 1: all.
  double client_share = 0.75;

  // How long a request may wait for its turn, or up to a quarter longer, until it is told to come back later.
  // 0: for ever.
  std::chrono::milliseconds max_wait{30'000};

  // Who has connected and says nothing that a gRPC client would say for so long is cut off; so is who has had no call
  // for so long, which a client that is well makes good at its next call.
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{600'000};

  // A connection lives for so long, or up to a tenth less or more: then its client makes another one, and what is on
  // its way over the old one has connection_grace to end. So who never reads an answer, or never ends a request, is cut
  // off.
  std::chrono::milliseconds connection_age{600'000};
  std::chrono::milliseconds connection_grace{60'000};

  // Dynamic batching: requests that wait are joined, up to max_batch_rows, and the first of them waits at most so long
  // for others; 0: only those that wait anyway. Nothing: each is computed alone. Pays where many students send fewer
  // rows than the device takes at a time. 0 to 1 s.
  std::optional<std::chrono::microseconds> max_batch_delay;

  // Performance.
  int instances = 1;             // requests computed at a time, one thread each
  std::int64_t max_queued = 64;  // accepted beyond those; raising it costs memory: a queued request holds its tensors

  // INVALID_ARGUMENT that names field, value and range.
  absl::Status Validate() const;
};

class TeacherServer {
 public:
  // Serves when it returns. Also switches on, for every gRPC server that this process starts later, the standard
  // health service and server reflection: gRPC has them only for all or none.
  static absl::StatusOr<std::unique_ptr<TeacherServer>> Start(const TeacherServerOptions& options,
                                                              std::unique_ptr<Model> model);
  ~TeacherServer();

  // The addresses with the real ports, without a scheme, in the order of TeacherServerOptions::listen.
  const std::vector<std::string>& endpoints() const { return endpoints_; }
  const std::string& endpoint() const { return endpoints_.front(); }

  const Model& model() const { return *model_; }
  int instances() const { return instances_; }
  // False from the moment when it drains or stops.
  bool serving() const { return gate_.open(); }
  ServerStats stats() const;
  ModelStatistics::Values statistics() const { return statistics_.Get(); }

  // Has it just answered a request, or can it still compute? See HealthCheck. One thread at a time, not after Stop.
  absl::Status CheckHealth(std::chrono::milliseconds patience) { return health_.Check(patience); }

  // Another one, for another thread; this server outlives it.
  std::unique_ptr<HealthCheck> NewHealthCheck() { return std::make_unique<HealthCheck>(*model_, pool_, counters_); }

  // Serves on until no request has come for `quiet`, or for `at_most`: students that have been told to leave it alone
  // may not have heard yet.
  void AwaitQuiet(std::chrono::milliseconds quiet, std::chrono::milliseconds at_most);

  // Leaves in order: refuses new requests with UNAVAILABLE, says NOT_SERVING to health checks, answers what it has
  // accepted, stops. DEADLINE_EXCEEDED when `timeout` ran out and requests were cut off.
  absl::Status Drain(std::chrono::milliseconds timeout);

  // Stops at once: unanswered requests fail with UNAVAILABLE or CANCELLED. Waits only for the model's running calls.
  void Stop();

 private:
  TeacherServer(const TeacherServerOptions& options, std::unique_ptr<TokenGate> tokens, std::unique_ptr<Model> model);
  absl::Status Listen(const TeacherServerOptions& options);
  void SayNotServing();

  // Order: what is above outlives what is below.
  const int instances_;
  const std::unique_ptr<Model> model_;
  ServerCounters counters_;
  ModelStatistics statistics_;
  Arrivals arrivals_;
  RequestGate gate_;
  InstancePool pool_;
  SharedRegions regions_;
  HealthCheck health_;
  std::unique_ptr<TokenGate> tokens_;  // null: everybody may call
  const std::unique_ptr<InferenceService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Doorman> doorman_;
  std::vector<std::string> endpoints_;
};

}  // namespace edl
