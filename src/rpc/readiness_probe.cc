// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/readiness_probe.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/channel_arguments.h"
#include "proto/inference.grpc.pb.h"
#include "src/base/interrupt.h"
#include "src/base/mutex.h"
#include "src/base/status.h"
#include "src/rpc/reply_bounds.h"
#include "src/rpc/status_code.h"
#include "src/rpc/tls_diagnosis.h"

namespace edl {
namespace {

constexpr int kMostReplyBytes = 64 * 1024;  // the longest is a yes or no

using Deadline = std::chrono::system_clock::time_point;

grpc::ChannelArguments ArgumentsOfChannel() {
  grpc::ChannelArguments arguments;
  // A server that comes back is to be listed at the next heartbeat.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  BoundReplies(arguments, kMostReplyBytes);
  return arguments;
}

// Calls grpc.health.v1.Health/Check for the whole server. By hand: both messages are one field, and a second copy of
// health.proto in a process would clash with whoever else brings one.
grpc::Status CheckHealth(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline, grpc::ByteBuffer* reply) {
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const grpc::Slice no_service;
  grpc::ByteBuffer request(&no_service, 1);
  grpc::GenericStub stub(channel);
  Mutex mu;
  CondVar changed;
  bool done = false;
  grpc::Status status;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, reply,
                 [&](const grpc::Status& result) {
                   MutexLock lock(mu);
                   status = result;
                   done = true;
                   changed.NotifyAll();
                 });
  MutexLock lock(mu);
  while (!done) changed.Wait(mu);
  return status;
}

// HealthCheckResponse { ServingStatus status = 1; }, where 1 is SERVING.
bool SaysServing(const grpc::ByteBuffer& reply) {
  std::vector<grpc::Slice> slices;
  if (!reply.Dump(&slices).ok()) return false;
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes == std::string("\x08\x01", 2);
}

}  // namespace

ReadinessProbe::ReadinessProbe(const std::string& endpoint, std::string model,
                               std::shared_ptr<const ClientSecurity> security)
    : endpoint_(endpoint),
      model_(std::move(model)),
      security_(std::move(security)),
      channel_(security_->NewChannel(endpoint, ArgumentsOfChannel())) {}

ReadinessProbe::~ReadinessProbe() = default;

absl::Status ReadinessProbe::Check(std::chrono::milliseconds timeout) {
  EDL_RETURN_IF_ERROR(channel_.status());
  const Deadline deadline = std::chrono::system_clock::now() + timeout;
  grpc::ByteBuffer health;
  const grpc::Status status = CheckHealth(*channel_, deadline, &health);
  if (const absl::Status fault = FromGrpc(status); IsWorthDiagnosing(fault, endpoint_)) {
    return Annotate(DiagnoseTls(fault, endpoint_, *security_, Interrupt()), "health check");
  }
  const bool has_health = status.error_code() != grpc::StatusCode::UNIMPLEMENTED;
  if (has_health) {
    EDL_RETURN_IF_ERROR(Annotate(FromGrpc(status), "health check"));
    if (!SaysServing(health)) return absl::UnavailableError("health check: it says that it does not serve");
  }
  auto stub = inference::GRPCInferenceService::NewStub(*channel_);
  if (!has_health) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    inference::ServerReadyResponse reply;
    EDL_RETURN_IF_ERROR(Annotate(FromGrpc(stub->ServerReady(&context, {}, &reply)), "ServerReady"));
    if (!reply.ready()) return absl::UnavailableError("ServerReady: it says that it is not ready");
  }
  if (model_.empty()) return absl::OkStatus();
  grpc::ClientContext context;
  context.set_deadline(deadline);
  inference::ModelReadyRequest request;
  request.set_name(model_);
  inference::ModelReadyResponse reply;
  EDL_RETURN_IF_ERROR(Annotate(FromGrpc(stub->ModelReady(&context, request, &reply)), "ModelReady"));
  if (reply.ready()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("ModelReady: its model '", model_, "' is not ready"));
}

}  // namespace edl
