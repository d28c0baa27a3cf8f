// SPDX-License-Identifier: Apache-2.0
// Reply bounds: how much a client lets a server make it hold.
// Source: gRPC's service config (per-method message limits); gRPC's compression guide.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/status.h"

namespace edl {

// For a channel to a teacher: replies of ModelInfer are `max_reply_bytes` at most, all others far less; none is
// compressed as a whole, which a limit would count before it is unpacked.
void BoundReplies(grpc::ChannelArguments& arguments, int max_reply_bytes);

// `status`, or, where that says that a reply was over that limit of ours, DATA_LOSS that says what to do about it.
absl::Status ExplainTooLarge(const absl::Status& status, int max_reply_bytes);

}  // namespace edl
