// SPDX-License-Identifier: Apache-2.0
// Times parameters: how a request asks for its times in the server, and how the reply tells them.
// Errors: none: what is no times is as if it had not come; a batch is worth more than its statistics.
// Source: proto/inference.proto.
#pragma once

#include <optional>
#include <string>

#include "proto/inference.pb.h"
#include "src/rpc/infer_message.h"

namespace edl {

// Of a message, not of a tensor.
using MessageParameters = google::protobuf::Map<std::string, inference::InferParameter>;

void AskForTimes(MessageParameters& request);
bool AsksForTimes(const MessageParameters& request);

void WriteTimes(const ReplyTimes& times, MessageParameters& reply);
std::optional<ReplyTimes> ReadTimes(const MessageParameters& reply);

}  // namespace edl
