// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "src/base/endpoint.h"
#include "src/rpc/grpc_infer_call.h"
#include "src/rpc/grpc_model_probe.h"
#include "src/rpc/keepalive.h"
#include "src/rpc/server_extensions.h"
#include "src/rpc/teacher_client.h"

namespace edl {
namespace {

std::shared_ptr<grpc::Channel> NewChannel(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // A teacher that comes back is to be used within a second, so the wait between connection attempts stays short.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
  // Retries are dispatch's: gRPC's own never cover a tensor (a call is committed beyond 256 KiB) and cost a buffer.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Two readers in one process share no connection, and so no backoff either.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kClientPingTime);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeout);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

class GrpcTeacherClient final : public TeacherClient {
 public:
  GrpcTeacherClient(const std::string& endpoint, const TeacherClientOptions& options)
      : endpoint_(endpoint), channel_(NewChannel(endpoint)) {
    if (options.shared_memory && IsThisMachine(endpoint)) {
      extensions_.shared_memory = std::make_unique<SharedMemoryLink>(endpoint, options.arena);
    }
    if (!options.compression.empty()) extensions_.compressor = std::make_unique<Compressor>(options.compression);
  }

  ~GrpcTeacherClient() override {
    if (extensions_.shared_memory != nullptr) extensions_.shared_memory->Shutdown();
  }

  std::unique_ptr<TeacherCall> NewCall() override { return New(calls_); }
  std::unique_ptr<ModelProbe> NewModelProbe() override { return New(probes_); }

  void Reconnect() override {
    // The old one goes at the next time, or with its last call, when the new one has long been in use: the last channel
    // in use must not end on gRPC's own thread.
    old_channel_ = std::exchange(channel_, NewChannel(endpoint_));
    for (GrpcInferCall* call : calls_) call->set_channel(channel_);
    for (GrpcModelProbe* probe : probes_) probe->set_channel(channel_);
  }

 private:
  template <typename Call>
  std::unique_ptr<Call> New(std::vector<Call*>& all) {
    all.push_back(new Call(channel_, extensions_));
    return std::unique_ptr<Call>(all.back());
  }

  const std::string endpoint_;
  ServerExtensions extensions_;
  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<grpc::Channel> old_channel_;
  // All that it has made; their owner keeps them as long as it keeps the client.
  std::vector<GrpcInferCall*> calls_;
  std::vector<GrpcModelProbe*> probes_;
};

}  // namespace

std::unique_ptr<TeacherClient> NewGrpcTeacherClient(const std::string& endpoint, const TeacherClientOptions& options) {
  return std::make_unique<GrpcTeacherClient>(endpoint, options);
}

}  // namespace edl
