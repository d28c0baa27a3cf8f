// SPDX-License-Identifier: Apache-2.0
// Codec: ModelInfer's messages, to and from gRPC's bytes without copying tensors.
// Place: the client encodes requests and decodes replies; the teacher's server does the reverse.
// How: protobuf writes and reads everything but the raw contents; those travel as borrowed slices behind a header that
//      is encoded by hand, and are found again as fragments of the slices that arrived. Moving bytes is
//      nearly all that a request costs.
// Errors: INVALID_ARGUMENT - the message is not ModelInfer's, or names, shapes and byte counts disagree.
// Lifetime: a buffer holds the fragments' owners until gRPC has sent it; fragments hold the received slices.
// Limits: a message holds less than 2 GiB (protobuf's limit).
// Source: Open Inference Protocol (KServe v2), gRPC.
#pragma once

#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "src/rpc/infer_message.h"

namespace edl {

absl::StatusOr<grpc::ByteBuffer> EncodeRequest(const InferRequest& request);
absl::StatusOr<InferRequest> DecodeRequest(const grpc::ByteBuffer& buffer);

absl::StatusOr<grpc::ByteBuffer> EncodeReply(const InferReply& reply);
absl::StatusOr<InferReply> DecodeReply(const grpc::ByteBuffer& buffer);

}  // namespace edl
