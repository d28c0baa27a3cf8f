// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/reply_bounds.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/compression.h"

namespace edl {
namespace {

// Of what a server says of itself; that of a model with a thousand inputs is a tenth of it.
constexpr int kMetadataBytes = 1 << 20;

}  // namespace

void BoundReplies(grpc::ChannelArguments& arguments, int max_reply_bytes) {
  arguments.SetMaxReceiveMessageSize(std::max(max_reply_bytes, kMetadataBytes));
  arguments.SetServiceConfigJSON(absl::StrCat(
      R"({"methodConfig": [)", R"({"name": [{"service": "inference.GRPCInferenceService", "method": "ModelInfer"}], )",
      R"("maxResponseMessageBytes": )", max_reply_bytes, "}, ",
      R"({"name": [{"service": "inference.GRPCInferenceService"}], "maxResponseMessageBytes": )", kMetadataBytes,
      "}]}"));
  // A name server's word is no reason to take more.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A kilobyte may unpack to a megabyte.
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
}

absl::Status ExplainTooLarge(const absl::Status& status, int max_reply_bytes) {
  // gRPC's own words. A server that uses them has answered nonsense all the same.
  const bool ours = absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "larger than max") &&
                    absl::EndsWith(status.message(), absl::StrCat(" vs. ", max_reply_bytes, ")"));
  if (!ours) return status;
  return absl::DataLossError(absl::StrCat("the teacher's reply is larger than max_reply_bytes, which is ",
                                          max_reply_bytes,
                                          "; raise that, or lower teacher_batch_rows: ", status.message()));
}

}  // namespace edl
