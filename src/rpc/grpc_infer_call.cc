// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/grpc_infer_call.h"

#include <optional>
#include <utility>

#include "grpcpp/generic/generic_stub.h"
#include "src/base/legible.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/rpc/codec.h"
#include "src/rpc/pushback.h"
#include "src/rpc/reply_bounds.h"
#include "src/rpc/status_code.h"

namespace edl {
namespace {

// A server that knows nothing of our regions, since it is another process than the one that they were registered with,
// or that cannot read them, says so in one of these; so does one that would refuse the bytes, too.
bool MayRefuseSharedMemory(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
      return true;
    default:
      return false;
  }
}

// One that takes no compressed tensors, being another than the probe has met, finds datatypes that it does not expect.
// (A model that fails has not refused them.)
bool MayRefuseCompression(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
         status.error_code() == grpc::StatusCode::UNIMPLEMENTED;
}

}  // namespace

struct GrpcInferCall::Attempt {
  grpc::ClientContext context;
  Deadline deadline;
  std::optional<SharedMemoryLink::Placed> placed;  // in shared memory
  bool compressed = false;
  InferRequest plain;  // of one that is either
  // Why there was an attempt before this one, the plain one: the server that refused what lay in shared memory (0: none
  // did); or it refused what was compressed.
  std::int64_t refused_placed = 0;
  bool refused_compressed = false;
  bool cancelled = false;  // guarded by mu_
  grpc::ByteBuffer request;
  grpc::ByteBuffer reply;
  CallTag tag;
  Done done;
};

absl::Status GrpcInferCall::Start(InferRequest request, std::chrono::milliseconds timeout, CallTag tag, Done done) {
  auto attempt = std::make_shared<Attempt>();
  absl::StatusOr<grpc::ByteBuffer> bytes = Encode(std::move(request), *attempt);
  if (!bytes.ok()) {
    if (attempt->placed) extensions_.shared_memory->Return(*std::move(attempt->placed), /*well=*/true);
    return bytes.status();
  }
  attempt->request.Swap(&*bytes);
  attempt->tag = tag;
  attempt->done = std::move(done);
  Send(attempt, std::chrono::system_clock::now() + timeout);
  return absl::OkStatus();
}

absl::StatusOr<grpc::ByteBuffer> GrpcInferCall::Encode(InferRequest request, Attempt& attempt) const {
  const auto& shared_memory = extensions_.shared_memory;
  const auto& compressor = extensions_.compressor;
  const bool times = extensions_.tells_times.load(std::memory_order_relaxed);
  attempt.compressed = compressor != nullptr && compressor->server_compresses();
  if (attempt.compressed) {
    attempt.plain = request;
    compressor->AskForPredictions(request);
  }
  if (shared_memory != nullptr) attempt.placed = shared_memory->Place(request);
  if (attempt.placed) {
    if (!attempt.compressed) attempt.plain = std::move(request);
    attempt.placed->request.times = times;
    return EncodeRequest(attempt.placed->request);
  }
  if (attempt.compressed) compressor->CompressFields(request);
  request.times = times;
  return EncodeRequest(request);
}

absl::StatusOr<InferReply> GrpcInferCall::Decode(const grpc::ByteBuffer& bytes) const {
  EDL_ASSIGN_OR_RETURN(InferReply reply, DecodeReply(bytes));
  if (extensions_.compressor != nullptr) EDL_RETURN_IF_ERROR(extensions_.compressor->ExpandPredictions(reply));
  return reply;
}

void GrpcInferCall::Send(const std::shared_ptr<Attempt>& attempt, Deadline deadline) {
  static const std::string& method = *new std::string("/inference.GRPCInferenceService/ModelInfer");
  attempt->deadline = deadline;
  attempt->context.set_deadline(deadline);
  std::shared_ptr<grpc::Channel> channel;
  {
    MutexLock lock(mu_);
    // Between two attempts of one call, a cancel finds the one that is over.
    if (attempt_ != nullptr && attempt_->cancelled) attempt->context.TryCancel();
    attempt_ = attempt;
    channel = channel_;
  }
  // Not under the lock: gRPC may call back before this returns. A cancel that comes in between is remembered by the
  // context.
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>(channel).UnaryCall(
      &attempt->context, method, {}, &attempt->request, &attempt->reply,
      [this](const grpc::Status& status) { Finish(status); });
}

void GrpcInferCall::set_channel(std::shared_ptr<grpc::Channel> channel) {
  MutexLock lock(mu_);
  channel_.swap(channel);
}

void GrpcInferCall::CancelIf(CallTag tag) {
  std::shared_ptr<Attempt> attempt;
  {
    MutexLock lock(mu_);
    if (attempt_ != nullptr && tag.Matches(attempt_->tag)) {
      attempt = attempt_;
      attempt->cancelled = true;
    }
  }
  if (attempt != nullptr) attempt->context.TryCancel();
}

absl::Status GrpcInferCall::ErrorOf(const Attempt& attempt, const grpc::Status& status) const {
  const absl::Status error = ExplainTooLarge(FromGrpc(status), extensions_.max_reply_bytes);
  const auto& metadata = attempt.context.GetServerTrailingMetadata();
  auto pushback = metadata.find(kPushbackMetadata);
  if (pushback == metadata.end()) return error;
  return WithPushback(error, absl::string_view(pushback->second.data(), pushback->second.size()));
}

// Null when the call is over.
std::shared_ptr<GrpcInferCall::Attempt> GrpcInferCall::Settle(Attempt& attempt, const grpc::Status& status) {
  const auto& shared_memory = extensions_.shared_memory;
  const auto& compressor = extensions_.compressor;
  if (status.ok()) {
    if (attempt.refused_placed != 0) shared_memory->OnRefused(attempt.refused_placed);
    if (attempt.refused_compressed) compressor->OnServer(/*compresses=*/false);
  }
  std::int64_t refused_placed = 0;
  bool refused_compressed = false;
  if (attempt.placed) {  // most likely that is what it refuses: if not, the next request shows it
    if (MayRefuseSharedMemory(status)) refused_placed = attempt.placed->server;
    shared_memory->Return(*std::exchange(attempt.placed, std::nullopt), status.ok());
  } else {
    refused_compressed = attempt.compressed && MayRefuseCompression(status);
  }
  if (refused_placed == 0 && !refused_compressed) return nullptr;
  absl::StatusOr<grpc::ByteBuffer> bytes = Guarded([&] { return EncodeRequest(attempt.plain); });
  if (!bytes.ok()) return nullptr;  // out of memory
  auto again = std::make_shared<Attempt>();
  again->request.Swap(&*bytes);
  again->tag = attempt.tag;
  again->done = std::move(attempt.done);
  again->refused_placed = refused_placed;
  again->refused_compressed = refused_compressed;
  return again;
}

void GrpcInferCall::Finish(const grpc::Status& status) {
  std::shared_ptr<Attempt> attempt;
  {
    MutexLock lock(mu_);
    attempt = attempt_;
  }
  // gRPC swallows what its callbacks throw, and the batch would never arrive: nothing may leave here.
  absl::Status thrown = Guarded([&]() -> absl::Status {
    if (std::shared_ptr<Attempt> again = Settle(*attempt, status)) {
      Send(again, attempt->deadline);
      return absl::OkStatus();
    }
    {
      MutexLock lock(mu_);
      attempt_ = nullptr;
    }
    absl::StatusOr<InferReply> reply =
        status.ok() ? Guarded([&] { return Decode(attempt->reply); }) : ErrorOf(*attempt, status);
    if (status.ok() && absl::IsInvalidArgument(reply.status())) {
      reply = absl::DataLossError("the teacher's reply: " + Legible(reply.status().message()));
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
