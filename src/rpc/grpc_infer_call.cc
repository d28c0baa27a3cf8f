// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/grpc_infer_call.h"

#include <utility>

#include "grpcpp/generic/generic_stub.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/rpc/codec.h"
#include "src/rpc/pushback.h"
#include "src/rpc/status_code.h"

namespace edl {

struct GrpcInferCall::Attempt {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer reply;
  CallTag tag;
  Done done;
};

absl::Status GrpcInferCall::Start(const InferRequest& request, std::chrono::milliseconds timeout, CallTag tag,
                                  Done done) {
  static const std::string& method = *new std::string("/inference.GRPCInferenceService/ModelInfer");
  EDL_ASSIGN_OR_RETURN(grpc::ByteBuffer bytes, EncodeRequest(request));
  auto attempt = std::make_shared<Attempt>();
  attempt->context.set_deadline(std::chrono::system_clock::now() + timeout);
  attempt->request.Swap(&bytes);
  attempt->tag = tag;
  attempt->done = std::move(done);
  std::shared_ptr<grpc::Channel> channel;
  {
    MutexLock lock(mu_);
    attempt_ = attempt;
    channel = channel_;
  }
  // Not under the lock: gRPC may call back before this returns. A cancel that comes in between is remembered by the
  // context.
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>(channel).UnaryCall(
      &attempt->context, method, {}, &attempt->request, &attempt->reply,
      [this](const grpc::Status& status) { Finish(status); });
  return absl::OkStatus();
}

void GrpcInferCall::set_channel(std::shared_ptr<grpc::Channel> channel) {
  MutexLock lock(mu_);
  channel_.swap(channel);
}

void GrpcInferCall::CancelIf(CallTag tag) {
  std::shared_ptr<Attempt> attempt;
  {
    MutexLock lock(mu_);
    if (attempt_ != nullptr && tag.Matches(attempt_->tag)) attempt = attempt_;
  }
  if (attempt != nullptr) attempt->context.TryCancel();
}

absl::Status GrpcInferCall::ErrorOf(const Attempt& attempt, const grpc::Status& status) {
  const auto& metadata = attempt.context.GetServerTrailingMetadata();
  auto pushback = metadata.find(kPushbackMetadata);
  if (pushback == metadata.end()) return FromGrpc(status);
  return WithPushback(FromGrpc(status), absl::string_view(pushback->second.data(), pushback->second.size()));
}

void GrpcInferCall::Finish(const grpc::Status& status) {
  std::shared_ptr<Attempt> attempt;
  {
    MutexLock lock(mu_);
    attempt = std::move(attempt_);
    attempt_ = nullptr;
  }
  // gRPC swallows what its callbacks throw, and the batch would never arrive: nothing may leave here.
  absl::Status thrown = Guarded([&]() -> absl::Status {
    absl::StatusOr<InferReply> reply =
        status.ok() ? Guarded([&] { return DecodeReply(attempt->reply); }) : ErrorOf(*attempt, status);
    if (status.ok() && !reply.ok()) {
      reply = absl::DataLossError("the teacher's reply: " + std::string(reply.status().message()));
    }
    Done done = std::move(attempt->done);
    // The context has a hold on the channel, and a channel must not end on gRPC's own thread, which it would wait for.
    // From `done` on, everything else that holds it may be gone.
    attempt.reset();
    done(std::move(reply));
    return absl::OkStatus();
  });
  if (!thrown.ok()) Log().critical("a completed call was lost: {}", thrown.ToString());
}

}  // namespace edl
