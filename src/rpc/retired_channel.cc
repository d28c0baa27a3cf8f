// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/retired_channel.h"

#include <utility>

#include "grpcpp/alarm.h"
#include "grpcpp/channel.h"

namespace edl {
namespace {

using Clock = std::chrono::system_clock;  // gRPC's alarms know no other

constexpr std::chrono::milliseconds kCheck{500};
// By then whoever was silent has spoken, or is silent for good. (A channel that has failed to connect says so until it
// succeeds, and never when it tries again; so there is no telling when it pauses.)
constexpr std::chrono::milliseconds kLongest = 3 * kConnectTimeout;

bool MayBeConnecting(grpc::Channel& channel) {
  const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/false);
  return state == GRPC_CHANNEL_CONNECTING || state == GRPC_CHANNEL_TRANSIENT_FAILURE;
}

// Belongs to gRPC's timer, and ends itself: what a channel waits for may outlive every object of ours.
class RetiredChannel {
 public:
  static void Keep(std::shared_ptr<grpc::Channel> channel, Clock::time_point until) {
    auto* retired = new RetiredChannel(std::move(channel), until);
    retired->alarm_.Set(Clock::now() + kCheck, [retired](bool) {
      std::unique_ptr<RetiredChannel> self(retired);
      if (MayBeConnecting(*self->channel_) && Clock::now() < self->until_) Keep(self->channel_, self->until_);
    });
  }

 private:
  RetiredChannel(std::shared_ptr<grpc::Channel> channel, Clock::time_point until)
      : channel_(std::move(channel)), until_(until) {}

  const std::shared_ptr<grpc::Channel> channel_;
  const Clock::time_point until_;
  grpc::Alarm alarm_;
};

}  // namespace

void Retire(std::shared_ptr<grpc::Channel> channel) {
  if (MayBeConnecting(*channel)) RetiredChannel::Keep(std::move(channel), Clock::now() + kLongest);
}

}  // namespace edl
