// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/grpc_model_probe.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/rpc/model_metadata.h"
#include "src/rpc/status_code.h"

namespace edl {

struct GrpcModelProbe::Attempt {
  std::shared_ptr<inference::GRPCInferenceService::Stub> stub;
  std::shared_ptr<grpc::ClientContext> metadata_context = std::make_shared<grpc::ClientContext>();
  inference::ModelMetadataRequest metadata_request;
  inference::ModelMetadataResponse metadata;
  std::shared_ptr<grpc::ClientContext> ready_context = std::make_shared<grpc::ClientContext>();
  inference::ModelReadyRequest ready_request;
  inference::ModelReadyResponse ready;
  std::shared_ptr<grpc::ClientContext> server_context = std::make_shared<grpc::ClientContext>();
  inference::ServerMetadataRequest server_request;
  inference::ServerMetadataResponse server;
  Done done;
};

void GrpcModelProbe::Start(const std::string& model, std::chrono::milliseconds timeout, Done done) {
  auto attempt = std::make_shared<Attempt>();
  auto deadline = std::chrono::system_clock::now() + timeout;
  attempt->metadata_context->set_deadline(deadline);
  attempt->ready_context->set_deadline(deadline);
  attempt->server_context->set_deadline(deadline);
  attempt->metadata_request.set_name(model);
  attempt->done = std::move(done);
  {
    MutexLock lock(mu_);
    attempt_ = attempt;
    attempt->stub = stub_;
  }
  // Holds of our own: Finish may run before the call returns.
  std::shared_ptr<inference::GRPCInferenceService::Stub> stub = attempt->stub;
  std::shared_ptr<grpc::ClientContext> context = attempt->metadata_context;
  stub->async()->ModelMetadata(context.get(), &attempt->metadata_request, &attempt->metadata,
                               [this, attempt](const grpc::Status& status) { OnMetadata(attempt, status); });
}

void GrpcModelProbe::OnMetadata(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status) {
  if (!status.ok()) return Finish(attempt, FromGrpc(status));
  attempt->ready_request.set_name(attempt->metadata.name());
  std::shared_ptr<inference::GRPCInferenceService::Stub> stub = attempt->stub;  // as in Start
  std::shared_ptr<grpc::ClientContext> context = attempt->ready_context;
  stub->async()->ModelReady(context.get(), &attempt->ready_request, &attempt->ready,
                            [this, attempt](const grpc::Status& status) { OnReady(attempt, status); });
}

void GrpcModelProbe::OnReady(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status) {
  if (!status.ok()) return Finish(attempt, FromGrpc(status));
  if (!attempt->ready.ready()) {
    return Finish(attempt, absl::UnavailableError(
                               absl::StrCat("its model '", attempt->metadata.name(), "' says that it is not ready")));
  }
  std::shared_ptr<inference::GRPCInferenceService::Stub> stub = attempt->stub;  // as in Start
  std::shared_ptr<grpc::ClientContext> context = attempt->server_context;
  stub->async()->ServerMetadata(context.get(), &attempt->server_request, &attempt->server,
                                [this, attempt](const grpc::Status& status) { OnServer(attempt, status); });
}

// A server that does not know this call can teach all the same; one that was not reached may have what it offers.
void GrpcModelProbe::OnServer(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
      return Finish(attempt, FromGrpc(status));
    default:
      break;
  }
  Finish(attempt, Guarded([&] {
           extensions_.OnServer(attempt->stub, attempt->server.extensions());
           return FromProto(attempt->metadata);
         }));
}

void GrpcModelProbe::Finish(const std::shared_ptr<Attempt>& attempt, absl::StatusOr<ModelInfo> info) {
  {
    MutexLock lock(mu_);
    attempt_ = nullptr;
    // They have a hold on the channel, and a channel must not end on gRPC's own thread, which it would wait for; gRPC
    // keeps the attempt until this has returned.
    attempt->metadata_context.reset();
    attempt->ready_context.reset();
    attempt->server_context.reset();
    attempt->stub.reset();
  }
  absl::Status thrown = Guarded([&]() -> absl::Status {
    attempt->done(std::move(info));
    return absl::OkStatus();
  });
  if (!thrown.ok()) Log().critical("a completed probe was lost: {}", thrown.ToString());
}

void GrpcModelProbe::Cancel() {
  std::shared_ptr<grpc::ClientContext> metadata_context, ready_context, server_context;
  {
    MutexLock lock(mu_);
    if (attempt_ == nullptr) return;
    metadata_context = attempt_->metadata_context;
    ready_context = attempt_->ready_context;
    server_context = attempt_->server_context;
  }
  metadata_context->TryCancel();
  ready_context->TryCancel();
  server_context->TryCancel();
}

}  // namespace edl
