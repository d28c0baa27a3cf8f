// SPDX-License-Identifier: Apache-2.0
// GrpcInferCall: one ModelInfer in flight on gRPC's callback API; request and reply stay in gRPC's slices. Its tensors
// lie in shared memory where the link has room for them, or travel compressed where that is wanted; a server that
// refuses either, being another than the probe has met, is asked again in the protocol's own way.
// Thread-safety: as TeacherCall.
#pragma once

#include <memory>
#include <utility>

#include "grpcpp/channel.h"
#include "grpcpp/support/byte_buffer.h"
#include "src/base/mutex.h"
#include "src/rpc/server_extensions.h"
#include "src/rpc/teacher_client.h"

namespace edl {

class GrpcInferCall final : public TeacherCall {
 public:
  // `extensions` outlive it.
  GrpcInferCall(std::shared_ptr<grpc::Channel> channel, const ServerExtensions& extensions)
      : extensions_(extensions), channel_(std::move(channel)) {}

  // For the next Start.
  void set_channel(std::shared_ptr<grpc::Channel> channel);

  absl::Status Start(InferRequest request, std::chrono::milliseconds timeout, CallTag tag, Done done) override;
  void CancelIf(CallTag tag) override;

 private:
  // One attempt: what gRPC reads and writes until it calls back.
  struct Attempt;

  using Deadline = std::chrono::system_clock::time_point;

  absl::StatusOr<grpc::ByteBuffer> Encode(InferRequest request, Attempt& attempt) const;
  absl::StatusOr<InferReply> Decode(const grpc::ByteBuffer& bytes) const;
  void Send(const std::shared_ptr<Attempt>& attempt, Deadline deadline);
  std::shared_ptr<Attempt> Settle(Attempt& attempt, const grpc::Status& status);
  void Finish(const grpc::Status& status);
  absl::Status ErrorOf(const Attempt& attempt, const grpc::Status& status) const;

  const ServerExtensions& extensions_;

  Mutex mu_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<Attempt> attempt_ ABSL_GUARDED_BY(mu_);  // null between calls
};

}  // namespace edl
