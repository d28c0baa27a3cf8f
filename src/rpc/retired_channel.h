// SPDX-License-Identifier: Apache-2.0
// Retire: lets go of a channel without losing its connection's socket.
// Place: whoever is done with a channel of its own (grpc_teacher_client.cc).
// Why: up to 1.52, gRPC leaks the connection (a descriptor and some 25 KiB) of a channel that ends between its connect
//      and the server's first frame, when that comes after all: of a server that hung, over a wire that was silent. So
//      a channel that may be connecting is kept until it has connected, is idle, or has had three attempts in vain.
// Source: grpc/grpc#32071, which mended it in 1.53.
// Thread-safety: any thread.
#pragma once

#include <chrono>
#include <memory>

namespace grpc {
class Channel;
}  // namespace grpc

namespace edl {

// How long one attempt to connect may take, from the first packet to the server's first frame.
inline constexpr std::chrono::milliseconds kConnectTimeout{5000};

// Who else has a hold on the channel may have it still. Nothing new may be sent over it. It may go on trying to connect
// for some seconds; no more than a thousand at a time do.
void Retire(std::shared_ptr<grpc::Channel> channel);

}  // namespace edl
