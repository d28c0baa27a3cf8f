// SPDX-License-Identifier: Apache-2.0
// GrpcModelProbe: ModelMetadata, ModelReady and ServerMetadata, which tells the server's extensions, one after the
// other, on gRPC's callback API.
// Thread-safety: as ModelProbe.
#pragma once

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "proto/inference.grpc.pb.h"
#include "src/base/mutex.h"
#include "src/rpc/server_extensions.h"
#include "src/rpc/teacher_client.h"

namespace edl {

class GrpcModelProbe final : public ModelProbe {
 public:
  // `extensions` outlive it.
  GrpcModelProbe(const std::shared_ptr<grpc::Channel>& channel, const ServerExtensions& extensions)
      : extensions_(extensions) {
    set_channel(channel);
  }

  // For the next Start.
  void set_channel(const std::shared_ptr<grpc::Channel>& channel) {
    MutexLock lock(mu_);
    stub_ = inference::GRPCInferenceService::NewStub(channel);
  }

  void Start(const std::string& model, std::chrono::milliseconds timeout, Done done) override;
  void Cancel() override;

 private:
  // One probe: what gRPC reads and writes until it calls back.
  struct Attempt;

  void OnMetadata(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status);
  void OnReady(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status);
  void OnServer(const std::shared_ptr<Attempt>& attempt, const grpc::Status& status);
  void Finish(const std::shared_ptr<Attempt>& attempt, absl::StatusOr<ModelInfo> info);

  const ServerExtensions& extensions_;

  Mutex mu_;
  std::shared_ptr<inference::GRPCInferenceService::Stub> stub_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<Attempt> attempt_ ABSL_GUARDED_BY(mu_);  // null between probes
};

}  // namespace edl
