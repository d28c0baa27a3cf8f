// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <utility>
#include <vector>

#include "grpcpp/support/channel_arguments.h"
#include "src/base/endpoint.h"
#include "src/base/status.h"
#include "src/rpc/diagnosing_probe.h"
#include "src/rpc/grpc_infer_call.h"
#include "src/rpc/grpc_model_probe.h"
#include "src/rpc/keepalive.h"
#include "src/rpc/refusing_client.h"
#include "src/rpc/reply_bounds.h"
#include "src/rpc/retired_channel.h"
#include "src/rpc/server_extensions.h"
#include "src/rpc/teacher_client.h"

namespace edl {
namespace {

grpc::ChannelArguments ArgumentsOfChannels(int max_reply_bytes) {
  grpc::ChannelArguments arguments;
  BoundReplies(arguments, max_reply_bytes);
  arguments.SetMaxSendMessageSize(-1);
  // A teacher that comes back is to be used within a second, so the wait between connection attempts stays short.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
  // As gRPC names it; it is how long an attempt has.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(kConnectTimeout.count()));
  // Retries are dispatch's: gRPC's own never cover a tensor (a call is committed beyond 256 KiB) and cost a buffer.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Each channel has its connection: those to one teacher, and those of two readers in one process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kClientPingTime);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeout);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  return arguments;
}

using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

absl::StatusOr<Channels> NewChannels(std::size_t count, const std::string& endpoint, const ClientSecurity& security,
                                     const TeacherClientOptions& options) {
  Channels channels(count);
  for (std::shared_ptr<grpc::Channel>& channel : channels) {
    EDL_ASSIGN_OR_RETURN(channel, security.NewChannel(endpoint, ArgumentsOfChannels(options.max_reply_bytes)));
  }
  return channels;
}

class GrpcTeacherClient final : public TeacherClient {
 public:
  GrpcTeacherClient(const std::string& endpoint, const TeacherClientOptions& options,
                    std::shared_ptr<const ClientSecurity> security, Channels channels)
      : endpoint_(endpoint), options_(options), security_(std::move(security)), channels_(std::move(channels)) {
    extensions_.max_reply_bytes = options.max_reply_bytes;
    if (options.shared_memory && IsThisMachine(endpoint)) {
      extensions_.shared_memory = std::make_unique<SharedMemoryLink>(endpoint, options.arena);
    }
    if (!options.compression.empty())
      extensions_.compressor = std::make_unique<Compressor>(endpoint, options.compression);
  }

  ~GrpcTeacherClient() override {
    if (extensions_.shared_memory != nullptr) extensions_.shared_memory->Shutdown();
    for (std::shared_ptr<grpc::Channel>& channel : channels_) Retire(std::move(channel));
  }

  std::unique_ptr<TeacherCall> NewCall() override { return New(calls_); }
  std::unique_ptr<ModelProbe> NewModelProbe() override {
    return std::make_unique<DiagnosingProbe>(New(probes_), endpoint_, security_);
  }

  void Reconnect() override {
    // Any other than these is connecting anew as it is, or will with the next call.
    std::vector<std::shared_ptr<grpc::Channel>*> connected;
    for (std::shared_ptr<grpc::Channel>& channel : channels_) {
      if (channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY) connected.push_back(&channel);
    }
    absl::StatusOr<Channels> channels = NewChannels(connected.size(), endpoint_, *security_, options_);
    if (!channels.ok()) return;  // its rules do not change, and had nothing against the ones that there are
    // The old ones go at the next time, or with their last call, when the new ones have long been in use: the last
    // channel in use must not end on gRPC's own thread.
    old_channels_ = *std::move(channels);
    for (std::size_t i = 0; i < connected.size(); ++i) connected[i]->swap(old_channels_[i]);
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
  const TeacherClientOptions options_;
  const std::shared_ptr<const ClientSecurity> security_;
  ServerExtensions extensions_;
  Channels channels_;
  Channels old_channels_;
  // All that it has made; their owner keeps them as long as it keeps the client.
  std::vector<GrpcInferCall*> calls_;
  std::vector<GrpcModelProbe*> probes_;
};

}  // namespace

std::unique_ptr<TeacherClient> NewGrpcTeacherClient(const std::string& endpoint, const TeacherClientOptions& options) {
  std::shared_ptr<const ClientSecurity> security = options.security;
  if (security == nullptr) security = ClientSecurity::Default();
  absl::StatusOr<Channels> channels =
      NewChannels(static_cast<std::size_t>(options.channels), endpoint, *security, options);
  if (!channels.ok()) return std::make_unique<RefusingClient>(channels.status());
  return std::make_unique<GrpcTeacherClient>(endpoint, options, std::move(security), *std::move(channels));
}

}  // namespace edl
