// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/retired_channel.h"

#include <atomic>
#include <utility>

#include "grpc/support/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/time.h"

namespace edl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kCheckMs = 500;
// (A channel that has failed to connect says so until it succeeds, and not when it tries again; so there is no telling
// when it pauses. A server that speaks up only after all this may cost a socket.)
constexpr std::chrono::milliseconds kLongest = 3 * kConnectTimeout;
// Each goes on connecting; a registry that lists other dead endpoints every second must not make it more and more.
constexpr int kMost = 1000;

std::atomic<int> kept{0};  // in this process; any thread; it orders nothing

bool MayBeConnecting(grpc::Channel& channel) {
  const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/false);
  return state == GRPC_CHANNEL_CONNECTING || state == GRPC_CHANNEL_TRANSIENT_FAILURE;
}

// Belongs to gRPC's timer, and ends itself: what a channel waits for may outlive every object of ours. It ends on a
// thread that runs timers, which a channel's end does not wait for.
class RetiredChannel {
 public:
  static void Keep(std::shared_ptr<grpc::Channel> channel, Clock::time_point until) {
    auto* retired = new RetiredChannel(std::move(channel), until);
    const gpr_timespec soon = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(kCheckMs, GPR_TIMESPAN));
    retired->alarm_.Set(soon, [retired](bool) {
      std::unique_ptr<RetiredChannel> self(retired);
      if (MayBeConnecting(*self->channel_) && Clock::now() < self->until_) Keep(self->channel_, self->until_);
    });
  }

  ~RetiredChannel() { kept.fetch_sub(1, std::memory_order_relaxed); }

 private:
  RetiredChannel(std::shared_ptr<grpc::Channel> channel, Clock::time_point until)
      : channel_(std::move(channel)), until_(until) {
    kept.fetch_add(1, std::memory_order_relaxed);
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const Clock::time_point until_;
  grpc::Alarm alarm_;
};

}  // namespace

void Retire(std::shared_ptr<grpc::Channel> channel) {
  if (!MayBeConnecting(*channel) || kept.load(std::memory_order_relaxed) >= kMost) return;
  RetiredChannel::Keep(std::move(channel), Clock::now() + kLongest);
}

}  // namespace edl
