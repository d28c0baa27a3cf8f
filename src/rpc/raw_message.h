// SPDX-License-Identifier: Apache-2.0
// Raw message: a protobuf message whose one `repeated bytes` field holds tensors that are not to be copied.
// Source: Protocol Buffers encoding: fields may come in any order; a bytes field is tag, length, bytes.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "grpcpp/support/byte_buffer.h"
#include "src/tensor/wire_tensor.h"

namespace edl {

// `header`, then each tensor's bytes as an entry of `raw_field`. Large fragments are borrowed, small ones copied.
// RESOURCE_EXHAUSTED when that makes 2 GiB or more.
absl::StatusOr<grpc::ByteBuffer> JoinRawMessage(const google::protobuf::MessageLite& header, int raw_field,
                                                const std::vector<WireTensor>& tensors);

// Parses all but `raw_field` into `header`, which is a ModelInfer message of kMostFields fields at most; gives the
// entries of `raw_field` as fragments of the buffer's slices.
absl::StatusOr<std::vector<std::vector<Fragment>>> SplitRawMessage(const grpc::ByteBuffer& buffer, int raw_field,
                                                                   google::protobuf::MessageLite& header);

}  // namespace edl
