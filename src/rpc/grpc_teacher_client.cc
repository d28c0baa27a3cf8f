// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <utility>
#include <vector>

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
  // Each channel has its connection: those to one teacher, and those of two readers in one process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kClientPingTime);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeout);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  return grpc::CreateCustomChannel(EndpointUri(endpoint), grpc::InsecureChannelCredentials(), arguments);
}

using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

Channels NewChannels(const std::string& endpoint, std::size_t count) {
  Channels channels;
  for (std::size_t i = 0; i < count; ++i) channels.push_back(NewChannel(endpoint));
  return channels;
}

class GrpcTeacherClient final : public TeacherClient {
 public:
  GrpcTeacherClient(const std::string& endpoint, const TeacherClientOptions& options)
      : endpoint_(endpoint), channels_(NewChannels(endpoint, static_cast<std::size_t>(options.channels))) {
    if (options.shared_memory && IsThisMachine(endpoint)) {
      extensions_.shared_memory = std::make_unique<SharedMemoryLink>(endpoint, options.arena);
    }
    if (!options.compression.empty())
      extensions_.compressor = std::make_unique<Compressor>(endpoint, options.compression);
  }

  ~GrpcTeacherClient() override {
    if (extensions_.shared_memory != nullptr) extensions_.shared_memory->Shutdown();
  }

  std::unique_ptr<TeacherCall> NewCall() override { return New(calls_); }
  std::unique_ptr<ModelProbe> NewModelProbe() override { return New(probes_); }

  void Reconnect() override {
    // The old ones go at the next time, or with their last call, when the new ones have long been in use: the last
    // channel in use must not end on gRPC's own thread.
    old_channels_ = std::exchange(channels_, NewChannels(endpoint_, channels_.size()));
    for (std::size_t i = 0; i < calls_.size(); ++i) calls_[i]->set_channel(InTurn(i));
    for (std::size_t i = 0; i < probes_.size(); ++i) probes_[i]->set_channel(InTurn(i));
  }

 private:
  const std::shared_ptr<grpc::Channel>& InTurn(std::size_t i) const { return channels_[i % channels_.size()]; }

  template <typename Call>
  std::unique_ptr<Call> New(std::vector<Call*>& all) {
    all.push_back(new Call(InTurn(all.size()), extensions_));
    return std::unique_ptr<Call>(all.back());
  }

  const std::string endpoint_;
  ServerExtensions extensions_;
  Channels channels_;
  Channels old_channels_;
  // All that it has made; their owner keeps them as long as it keeps the client.
  std::vector<GrpcInferCall*> calls_;
  std::vector<GrpcModelProbe*> probes_;
};

}  // namespace

std::unique_ptr<TeacherClient> NewGrpcTeacherClient(const std::string& endpoint, const TeacherClientOptions& options) {
  return std::make_unique<GrpcTeacherClient>(endpoint, options);
}

}  // namespace edl
