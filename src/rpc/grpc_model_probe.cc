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
  grpc::ClientContext metadata_context;
  inference::ModelMetadataRequest metadata_request;
  inference::ModelMetadataResponse metadata;
  grpc::ClientContext ready_context;
  inference::ModelReadyRequest ready_request;
  inference::ModelReadyResponse ready;
  Done done;
};

void GrpcModelProbe::Start(const std::string& model, std::chrono::milliseconds timeout, Done done) {
  auto attempt = std::make_shared<Attempt>();
  auto deadline = std::chrono::system_clock::now() + timeout;
  attempt->metadata_context.set_deadline(deadline);
  attempt->ready_context.set_deadline(deadline);
  attempt->metadata_request.set_name(model);
  attempt->done = std::move(done);
  {
    MutexLock lock(mu_);
    attempt_ = attempt;
    attempt->stub = stub_;
  }
  attempt->stub->async()->ModelMetadata(&attempt->metadata_context, &attempt->metadata_request, &attempt->metadata,
                                        [this, attempt](const grpc::Status& status) { OnMetadata(attempt, status); });
}

void GrpcModelProbe::OnMetadata(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status) {
  if (!status.ok()) return Finish(attempt, FromGrpc(status));
  attempt->ready_request.set_name(attempt->metadata.name());
  attempt->stub->async()->ModelReady(&attempt->ready_context, &attempt->ready_request, &attempt->ready,
                                     [this, attempt](const grpc::Status& status) { OnReady(attempt, status); });
}

void GrpcModelProbe::OnReady(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status) {
  if (!status.ok()) return Finish(attempt, FromGrpc(status));
  if (!attempt->ready.ready()) {
    return Finish(attempt, absl::UnavailableError(
                               absl::StrCat("its model '", attempt->metadata.name(), "' says that it is not ready")));
  }
  Finish(attempt, Guarded([&] { return FromProto(attempt->metadata); }));
}

void GrpcModelProbe::Finish(const std::shared_ptr<Attempt>& attempt, absl::StatusOr<ModelInfo> info) {
  {
    MutexLock lock(mu_);
    attempt_ = nullptr;
  }
  absl::Status thrown = Guarded([&]() -> absl::Status {
    attempt->done(std::move(info));
    return absl::OkStatus();
  });
  if (!thrown.ok()) Log().critical("a completed probe was lost: {}", thrown.ToString());
}

void GrpcModelProbe::Cancel() {
  std::shared_ptr<Attempt> attempt;
  {
    MutexLock lock(mu_);
    attempt = attempt_;
  }
  if (attempt == nullptr) return;
  attempt->metadata_context.TryCancel();
  attempt->ready_context.TryCancel();
}

}  // namespace edl
